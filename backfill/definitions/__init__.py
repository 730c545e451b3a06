"""What the author of a backfill writes, and how a process finds what authors have written."""

from backfill.definitions.definition import Definition
from backfill.definitions.discovery import Broken, Found, discover

__all__ = ["Broken", "Definition", "Found", "discover"]
