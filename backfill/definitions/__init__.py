"""What the author of a backfill writes, and how a process finds what authors have written."""

from backfill.definitions.columns import Columns
from backfill.definitions.contract import ColumnOf, Contract
from backfill.definitions.definition import Definition
from backfill.definitions.discovery import Broken, Found, discover
from backfill.definitions.groups import Groups
from backfill.definitions.hooks import Hooks
from backfill.definitions.keepers import SyncTrigger, sync_trigger
from backfill.definitions.mistakes import AuthorsMistake, Refused

__all__ = [
    "AuthorsMistake",
    "Broken",
    "ColumnOf",
    "Columns",
    "Contract",
    "Definition",
    "Found",
    "Groups",
    "Hooks",
    "Refused",
    "SyncTrigger",
    "discover",
    "sync_trigger",
]
