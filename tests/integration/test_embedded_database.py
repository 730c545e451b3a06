from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from backfill.embedded import use_embedded
from tests.support.embedded_users import RunningServers, store_a_word, stored_words
from tests.support.waiting import wait_until

STOP_SECONDS = 20.0


async def test_the_database_keeps_the_name_that_its_folder_was_made_with(tmp_path: Path) -> None:
    """Also after its servers have ended: a changed setting must not look like a wrong password."""
    with use_embedded(tmp_path / "servers", database="shop"):
        first = RunningServers(tmp_path / "servers")
    await wait_until(first.all_ended, STOP_SECONDS)

    with use_embedded(tmp_path / "servers", database="renamed") as joined:
        second = RunningServers(tmp_path / "servers")
        await store_a_word(joined.urls, "found again")
    await wait_until(second.all_ended, STOP_SECONDS)

    assert urlsplit(joined.urls.database_url).path == "/shop"


async def test_what_was_said_by_alter_system_goes_before_the_defaults(tmp_path: Path) -> None:
    with use_embedded(tmp_path / "servers") as embedded:
        first = RunningServers(tmp_path / "servers")
        connection = await asyncpg.connect(embedded.urls.database_url)
        await connection.execute("ALTER SYSTEM SET max_wal_size = '3GB'")
        await connection.close()
    await wait_until(first.all_ended, STOP_SECONDS)

    with use_embedded(tmp_path / "servers") as again:
        second = RunningServers(tmp_path / "servers")
        connection = await asyncpg.connect(again.urls.database_url)
        sizes = [await connection.fetchval(f"SHOW {name}") for name in ("max_wal_size", "min_wal_size")]
        await connection.close()
    await wait_until(second.all_ended, STOP_SECONDS)

    assert sizes == ["3GB", "1GB"]


async def test_it_starts_without_the_file_of_alter_system(tmp_path: Path) -> None:
    with use_embedded(tmp_path / "servers") as embedded:
        first = RunningServers(tmp_path / "servers")
        await store_a_word(embedded.urls, "kept")
    await wait_until(first.all_ended, STOP_SECONDS)
    next(first.files.rglob("postgresql.auto.conf")).unlink()

    with use_embedded(tmp_path / "servers") as again:
        second = RunningServers(tmp_path / "servers")
        words = await stored_words(again.urls)
    await wait_until(second.all_ended, STOP_SECONDS)

    assert words == ["kept", "kept"]
