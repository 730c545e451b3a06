"""What the author of a backfill writes, and how a process finds what authors have written."""

from backfill.definitions.definition import Definition
from backfill.definitions.discovery import Broken, Found, discover
from backfill.definitions.hooks import Hooks

__all__ = ["Broken", "Definition", "Found", "Hooks", "discover"]
