"""Backfills that call a Python function for each row: `calls` declares one."""

from backfill.definitions.calls.answers import Row
from backfill.definitions.calls.declared import Options
from backfill.definitions.calls.declaring import CallsDefinition, calls
from backfill.definitions.calls.spec import RECOMPUTE

__all__ = ["RECOMPUTE", "CallsDefinition", "Options", "Row", "calls"]
