from __future__ import annotations

import pytest

from tests.alembic_online.support import alembic, shape
from tests.alembic_online.test_directives import WRONG_ROWS
from tests.conftest import Connect
from tests.support.pgbouncer import find_pgbouncer, pgbouncer_in_front_of


@pytest.mark.skipif(find_pgbouncer() is None, reason="no pgbouncer")
async def test_directives_work_where_each_transaction_may_be_in_another_session(tables: str, connect: Connect) -> None:
    before = shape(tables)

    with pgbouncer_in_front_of(tables) as url:
        done = alembic("upgrade", "0002", url=url, BACKFILL_PGBOUNCER="true")
        assert done.returncode == 0, done.stderr
        assert await (await connect(tables)).fetchval(WRONG_ROWS) == 0
        back = alembic("downgrade", "0001", url=url, BACKFILL_PGBOUNCER="true")

    assert back.returncode == 0, back.stderr
    assert shape(tables) == before
