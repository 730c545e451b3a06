"""`generation-sizes`: how many files a generation has in `output_files`, and how many bytes they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, func

from backfill.definitions import Refused
from backfill.definitions.calls import Row, calls
from worker.files.columns import AT_REST, ROWS
from worker.files.sources import LARGEST_TOTAL_BYTES, encoded
from worker.schema.models import generations

# They are read at once, with all of their files.
MOST_ROWS = 500


@calls(
    table=generations,
    name="generation-sizes",
    reads=[ROWS.output_files],
    writes=[ROWS.file_count, ROWS.total_size_bytes],
    where=and_(ROWS.status.in_(AT_REST), func.json_typeof(ROWS.output_files) != "null"),
    todo=ROWS.total_size_bytes.is_(None),
    check=and_(ROWS.file_count >= 0, ROWS.total_size_bytes >= 0),
    kept_by="application",
    batch_rows=MOST_ROWS,
)
def generation_sizes(row: Row) -> dict[str, Any]:
    """Counts the files of every generation, and their bytes, where nobody has yet."""
    if not isinstance(row.output_files, Mapping):
        raise Refused("output_files is no object of paths and contents")
    total = sum(len(encoded(content)) for content in row.output_files.values())
    if total > LARGEST_TOTAL_BYTES:
        raise Refused(f"its files have more than {LARGEST_TOTAL_BYTES} bytes, which total_size_bytes cannot hold")
    return {"file_count": len(row.output_files), "total_size_bytes": total}
