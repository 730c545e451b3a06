"""The command `backfill`: what an operator types, and how the answer is put."""

from backfill.cli.app import main

__all__ = ["main"]
