"""Groups: units that are settled whole, such as a parent with its children, by SQL of the author's own."""

from backfill.definitions.groups.bound import GroupsBackfill, Run
from backfill.definitions.groups.groups import Groups

__all__ = ["Groups", "GroupsBackfill", "Run"]
