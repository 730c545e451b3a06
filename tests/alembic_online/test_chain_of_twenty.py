"""Revisions as they are found in public, run by the real command: on a new database, on one in use, and as a script."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from backfill.urls import ServerUrls
from tests.alembic_online.support import CHAIN
from tests.conftest import Connect
from tests.support.commands import environment_for
from tests.support.databases import new_database
from tests.support.forked import run

# The sentence that stops it on a table in use, or nothing.
REVISIONS: tuple[tuple[str, str], ...] = (
    (
        'op.create_table("users", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("email", sa.String(9)))',
        "",
    ),
    ('op.create_index("ix_users_email", "users", ["email"], unique=True)', "op.online_create_index"),
    ('op.add_column("users", sa.Column("created_at", sa.DateTime(), server_default=sa.func.now()))', ""),
    ('op.add_column("users", sa.Column("name", sa.Text()))', ""),
    ('op.alter_column("users", "email", type_=sa.String(200))', ""),
    (
        'op.create_table("posts", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("user_id", sa.Integer()))',
        "",
    ),
    ('op.create_foreign_key("fk_posts", "posts", "users", ["user_id"], ["id"])', "op.online_add_foreign_key"),
    ('op.add_column("posts", sa.Column("slug", sa.Text()))', ""),
    ("op.execute(\"UPDATE posts SET slug = 'post-' || id\")", "a backfill"),
    ('op.alter_column("posts", "slug", nullable=False)', "op.online_set_not_null"),
    ('op.create_unique_constraint("uq_posts_slug", "posts", ["slug"])', "op.online_add_unique"),
    ('op.add_column("posts", sa.Column("key", sa.Uuid(), server_default=sa.text("gen_random_uuid()")))', "in steps"),
    ('op.add_column("posts", sa.Column("draft", sa.Boolean(), server_default="false", nullable=False))', ""),
    ('op.create_check_constraint("ck_slug", "posts", "slug <> \'\'")', "op.online_add_check"),
    ('op.alter_column("posts", "id", type_=sa.BigInteger())', "op.online_alter_type"),
    ('op.alter_column("users", "name", new_column_name="full_name")', "op.online_rename_column"),
    ('op.drop_column("users", "created_at")', "op.online_drop_column"),
    ('op.drop_index("ix_users_email", table_name="users")', "op.online_drop_index"),
    ('op.execute("CREATE INDEX ix_posts_user ON posts (user_id)")', "op.online_create_index"),
    ('op.rename_table("posts", "articles")', "a view"),
)
ADD_ROWS = (
    "INSERT INTO users (email) SELECT n || '@example.org' FROM generate_series(1, 5000) AS n",
    "INSERT INTO posts (user_id) SELECT n FROM generate_series(1, 5000) AS n",
)


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    shutil.copytree(CHAIN, tmp_path / "chain", ignore=shutil.ignore_patterns("versions", "__pycache__"))
    versions = tmp_path / "chain" / "versions"
    versions.mkdir()
    for number, (statement, _) in enumerate(REVISIONS, start=1):
        before = repr(f"{number - 1:02d}") if number > 1 else "None"
        (versions / f"{number:02d}.py").write_text(
            f"import os\nimport sqlalchemy as sa\nfrom backfill.alembic import op\n"
            f"revision, down_revision = '{number:02d}', {before}\n"
            f"def upgrade():\n"
            f"    if os.environ.get('ASSURED') == revision:\n"
            f"        with op.safely_assured('nobody uses it yet'):\n            {statement}\n"
            f"    else:\n        {statement}\n"
        )
    return tmp_path / "chain" / "alembic.ini"


async def test_a_new_database_is_no_trouble_and_one_in_use_stops_where_it_should(
    chain: Path, servers: ServerUrls, connect: Connect
) -> None:
    async with new_database(servers.database_url) as fresh, new_database(servers.database_url) as used:
        at_once = run("alembic", "-c", str(chain), "upgrade", "head", env=environment_for(database_url=fresh))
        assert at_once.returncode == 0, at_once.stderr

        stopped: dict[int, str] = {}
        connection = await connect(used)
        for _ in range(len(REVISIONS)):
            env = environment_for(database_url=used, SMALL_BYTES="1", ASSURED=f"{max(stopped, default=0):02d}")
            done = run("alembic", "-c", str(chain), "upgrade", "head" if stopped else "06", env=env)
            if not stopped and done.returncode == 0:
                for statement in ADD_ROWS:
                    await connection.execute(statement)
                done = run("alembic", "-c", str(chain), "upgrade", "head", env=env)
            if done.returncode == 0:
                break
            assert done.returncode == 2, done.stderr
            at = int(await connection.fetchval("SELECT version_num FROM alembic_version")) + 1
            stopped[at] = done.stderr

    expected = {number: words for number, (_, words) in enumerate(REVISIONS, start=1) if words and number > 6}
    assert sorted(stopped) == sorted(expected)
    for number, words in expected.items():
        assert words in stopped[number]


def test_a_script_has_the_sentence_before_the_statement(chain: Path) -> None:
    done = run("alembic", "-c", str(chain), "upgrade", "15:17", "--sql", env=environment_for())

    assert done.returncode == 0, done.stderr
    assert "-- CAUTION: op.alter_column on users breaks every release that names name" in done.stdout
    assert "-- Instead: op.online_rename_column.\n" in done.stdout
