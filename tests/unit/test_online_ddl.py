from __future__ import annotations

from io import StringIO

import pytest
from alembic.runtime.migration import MigrationContext

from backfill.alembic.online_ddl import LockProtocol, OnlineDdl
from backfill.sql.needs import IndexNeed


@pytest.mark.parametrize(("own_session", "settings"), [(True, 4), (False, 0)])
def test_an_index_is_built_without_timeouts_only_in_a_session_of_its_own(own_session: bool, settings: int) -> None:
    written = StringIO()
    protocol = LockProtocol(own_session=own_session)
    options = {"as_sql": True, "output_buffer": written, "lock_protocol": protocol}
    context = MigrationContext.configure(dialect_name="postgresql", opts=options)

    OnlineDdl(context).build_index(IndexNeed(name="an_index", table="generations", columns=("id",)))

    assert written.getvalue().count("CREATE INDEX CONCURRENTLY") == 1
    assert written.getvalue().count("SET lock_timeout") + written.getvalue().count("SET statement_timeout") == settings
