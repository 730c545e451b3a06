"""`generation-files-cleanup`: takes the flat copies away, once what was brought over is the same to the last byte.

It asks first, since lookups that know no project find files in the flat place alone.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field, model_validator

from backfill.definitions import Refused
from backfill.definitions.calls import Row, calls
from worker.files.columns import ROWS, is_brought, is_concerned
from worker.files.comparing import is_same
from worker.files.flat import remove_flat
from worker.files.folders import Folder, told
from worker.files.layout import Place
from worker.files.manifest import Damaged
from worker.files.opening import not_here, open_storage
from worker.files.settings import file_settings
from worker.files.sources import Away, Changed
from worker.schema.models import generations

ASKS = "the flat copies are removed for good, and lookups without a project find nothing then; give --confirm"
LONGEST_SECONDS = 600.0


class CleanupParameters(BaseModel):
    """It has to be said."""

    confirm: bool = Field(examples=[True], description="Remove the flat copies for good")

    @model_validator(mode="before")
    @classmethod
    def _is_said(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("confirm") is not True:
            raise ValueError(ASKS)
        return given


@calls(
    table=generations,
    name="generation-files-cleanup",
    reads=[ROWS.project_id, ROWS.version, ROWS.storage_path],
    writes=[],
    where=lambda _: is_concerned() & is_brought(file_settings().written_root),
    order_by=[ROWS.project_id, ROWS.created_at],
    timeout=LONGEST_SECONDS,
    retry_on=[Changed, Away],
    parameters=CleanupParameters,
    after=["generation-files"],
    not_here=not_here,
)
def generation_files_cleanup(row: Row, _parameters: CleanupParameters) -> None:
    """Removes the flat copies of generations whose files have been brought over."""
    storage = open_storage()
    if why_not := storage.why_not():
        raise Refused(why_not)
    place = Place(project_id=row.project_id, version=row.version, generation_id=row.id)
    try:
        there = storage.look(place)
    except Damaged as damaged:
        raise Refused(str(damaged)) from None
    if there is None:
        raise Refused("its folder is gone")
    with told(), Folder.at(file_settings().root) as root:
        remove_flat(root, row.id, lambda source: is_same(storage, there, source))
