"""The backfill `generation-versions`: its SQL, and the little Python that runs it."""

from functools import partial

from backfill.definitions import Definition
from backfill.sql.files import load_sql
from worker.generations.backfill import GenerationVersions
from worker.generations.contract import CONTRACT
from worker.generations.needs import NEEDS

GENERATION_VERSIONS = Definition(
    name=GenerationVersions.name,
    about="Gives every generation its version, storage path and active flag.",
    bind=GenerationVersions,
    needs=NEEDS,
    contract=CONTRACT,
    wrong_rows=partial(load_sql, "worker.generations", "sql/wrong_rows.sql"),
)
