"""What follows when the next release runs everywhere: a unique number per project, and no generation without a path.

The triggers stay as long as that release counts as it does: two racing inserts of one project read the same number, and
it is the trigger that keeps them apart. They also give a path to what is inserted without one, so that it can be NOT
NULL.
"""

from __future__ import annotations

from backfill.definitions import ColumnOf, Contract
from backfill.sql.needs import IndexNeed

CONTRACT = Contract(
    when="When no instance of the old release runs any more, and none is rolled back to: the database cannot tell.",
    indexes=(
        IndexNeed(
            name="uq_generations_project_id_version",
            table="generations",
            columns=("project_id", "version"),
            is_unique=True,
        ),
    ),
    not_null=(ColumnOf(table="generations", name="storage_path"),),
    keep_triggers_while="the release counts without locking the project's row, or inserts without a storage path",
    drop_indexes=(IndexNeed(name="ix_projects_created_at_id", table="projects", columns=("created_at", "id")),),
)
