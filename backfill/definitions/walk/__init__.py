"""A table's rows in key order: what every definition shares whose unit is one row."""

from backfill.definitions.walk.checking import CHECKED_ROWS, Breach, check_rest, check_rows
from backfill.definitions.walk.pages import last_key, read_page, read_units
from backfill.definitions.walk.partitions import check_partitions
from backfill.definitions.walk.places import places_of
from backfill.definitions.walk.planning import Left, count_left, plan
from backfill.definitions.walk.walk import Walk

__all__ = [
    "CHECKED_ROWS",
    "Breach",
    "Left",
    "Walk",
    "check_partitions",
    "check_rest",
    "check_rows",
    "count_left",
    "last_key",
    "places_of",
    "plan",
    "read_page",
    "read_units",
]
