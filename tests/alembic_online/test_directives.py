from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.alembic_online.support import alembic, script, shape
from tests.conftest import Connect
from tests.migrations.support import psql

WRONG_ROWS = """
SELECT (SELECT count(*) FROM orders WHERE state IS DISTINCT FROM 'it''s :new' OR token IS NULL
           OR "Remark" IS DISTINCT FROM note)
     + (SELECT count(*) FROM sales."Customers"
         WHERE age IS DISTINCT FROM CAST(substring(email FROM '\\d+') AS int) % 90)
     + abs((SELECT count(DISTINCT token) FROM orders) - (SELECT count(*) FROM orders))
"""


@pytest.mark.parametrize("settings", [{}, {"PLAIN_ENV": "1"}], ids=["library", "plain env.py"])
async def test_every_directive_does_what_it_says_and_nothing_the_second_time(
    tables: str, connect: Connect, settings: dict[str, str]
) -> None:
    before = shape(tables)

    first = alembic("upgrade", "0002", url=tables, **settings)
    assert first.returncode == 0, first.stderr
    after = shape(tables)
    assert await (await connect(tables)).fetchval(WRONG_ROWS) == 0
    assert alembic("stamp", "0001", url=tables, **settings).returncode == 0
    second = alembic("upgrade", "0002", url=tables, **settings)
    assert second.returncode == 0, second.stderr
    assert shape(tables) == after
    assert "adding state" in first.stderr
    assert "adding state" not in second.stderr

    back = alembic("downgrade", "0001", url=tables, **settings)
    assert back.returncode == 0, back.stderr
    assert shape(tables) == before


async def test_the_script_brings_a_database_to_the_same_end_and_may_be_run_twice(tables: str, connect: Connect) -> None:
    written = script("upgrade", "0001:0003")

    first = psql(tables, written)
    assert first.returncode == 0, first.stderr
    by_script = shape(tables)
    way_back = psql(tables, script("downgrade", "0003:0001"))
    assert way_back.returncode == 0, way_back.stderr
    online = alembic("upgrade", "0003", url=tables)
    assert online.returncode == 0, online.stderr
    # A script cannot ask what PostgreSQL 18 has called a NOT NULL.
    assert _without_names_of_not_null(shape(tables)) == _without_names_of_not_null(by_script)


async def test_the_script_of_the_directives_can_be_run_again_after_it_broke_off(tables: str, connect: Connect) -> None:
    written = script("upgrade", "0001:0002")
    half = written[: written.index("ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_total")]

    psql(tables, half)
    again = psql(tables, written)

    assert again.returncode == 0, again.stderr
    assert await (await connect(tables)).fetchval(WRONG_ROWS) == 0


def test_the_linter_of_migrations_finds_nothing_in_the_scripts(tmp_path: Path) -> None:
    (tmp_path / "up.sql").write_text(script("upgrade", "0001:0003"))

    # What breaks clients by intention is the subject of the revision; what locks for long is the linter's.
    on_purpose = ",".join(
        [
            *("ban-drop-constraint", "ban-drop-column", "ban-drop-not-null", "ban-drop-default", "ban-drop-function"),
            *("renaming-column", "prefer-bigint-over-int", "prefer-robust-stmts"),
        ]
    )
    squawk = Path(sys.executable).with_name("squawk")
    done = subprocess.run(
        [squawk, "--pg-version=13.0", f"--exclude={on_purpose}", tmp_path / "up.sql"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


async def test_a_unique_index_that_cannot_be_built_is_not_left_behind(tables: str, connect: Connect) -> None:
    application = await connect(tables)
    await application.execute("""UPDATE sales."Customers" SET email = 'c1@example.org' WHERE id = 2""")

    refused = alembic("upgrade", "0002", url=tables)

    assert refused.returncode == 6, refused.stderr
    assert "could not create unique index" in refused.stderr
    assert "c1@example.org" not in refused.stderr
    assert await application.fetchval("SELECT to_regclass('sales.uq_customers_email')") is None


async def test_what_is_there_under_another_name_serves_as_well(tables: str, connect: Connect) -> None:
    application = await connect(tables)
    await application.execute("CREATE INDEX by_note ON orders (lower(note)) WHERE note IS NOT NULL")
    await application.execute(
        "ALTER TABLE orders ADD CONSTRAINT positive CHECK ((total >= 0) AND note NOT LIKE '%:%:x')"
    )
    await application.execute(
        'ALTER TABLE orders ADD CONSTRAINT their_key FOREIGN KEY (customer_id) REFERENCES sales."Customers" (id)'
        " ON DELETE SET NULL NOT VALID"
    )

    done = alembic("upgrade", "0002", url=tables)

    assert done.returncode == 0, done.stderr
    after = "\n".join(shape(tables))
    assert "their_key" in after
    assert "fk_orders_customer" not in after
    assert "ck_orders_total" not in after
    assert "ix_orders_note" not in after
    assert await application.fetchval("SELECT bool_and(convalidated) FROM pg_constraint") is True


@pytest.mark.parametrize(
    ("in_the_way", "said"),
    [
        ("CREATE INDEX ix_orders_note ON orders (total)", "The name ix_orders_note is taken by another index"),
        ("CREATE INDEX ix_orders_note ON alembic_version (version_num)", "ix_orders_note is taken by something else"),
        ("ALTER TABLE orders ADD CONSTRAINT ck_orders_total CHECK (id > 0)", "ck_orders_total is taken by another"),
        ("ALTER TABLE orders ADD COLUMN state integer", "a column state already, of type integer instead of text"),
        ("ALTER TABLE sales.\"Customers\" ADD CHECK (age <> '')", "What hangs on sales.Customers.age would be lost"),
    ],
)
async def test_what_is_in_the_way_is_told_in_a_sentence(
    tables: str, connect: Connect, in_the_way: str, said: str
) -> None:
    await (await connect(tables)).execute(in_the_way)

    refused = alembic("upgrade", "0002", url=tables)

    assert refused.returncode in {2, 6}
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr


def _without_names_of_not_null(lines: list[str]) -> list[str]:
    return sorted(re.sub(r' CONSTRAINT "?\w+_not_null\d*"? NOT NULL', " NOT NULL", line) for line in lines)
