"""The library installed from its wheel beside an application that has packages `worker`, `config` and `alembic` too."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import httpx
import pytest

from tests.support.commands import REPOSITORY, Spawned
from tests.support.foreign_venv import ForeignVenv
from tests.support.runs import until_ready
from tests.support.waiting import wait_until
from tests.wheel.conftest import OLD_CUSTOMERS, Filled

NAME = "email-normalized"
WHERE = """
import importlib.metadata, json, sys
import backfill, config, worker
files = [module.__file__ for module in (backfill, config, worker)]
print(json.dumps([sys.path, files, importlib.metadata.distribution("online-backfill").locate_file("").as_posix()]))
"""


def test_the_application_s_packages_keep_their_names(shop: ForeignVenv) -> None:
    path, (backfill, config, worker), installed = json.loads(shop.done("python", "-c", WHERE))

    assert str(REPOSITORY) not in path
    assert Path(config) == shop.home / "config" / "__init__.py"
    assert Path(worker) == shop.home / "worker" / "__init__.py"
    assert Path(backfill).parent.parent == Path(installed)
    assert Path(backfill).is_relative_to(shop.folder)


async def test_a_run_fills_the_application_s_own_rows(filled: Filled) -> None:
    first = await filled.connection.fetchrow("SELECT email, email_normalized FROM customers ORDER BY id LIMIT 1")
    right = await filled.connection.fetchval(
        "SELECT count(*) FROM customers WHERE email_normalized = lower(btrim(email))"
    )

    assert tuple(first) == (" Customer.1@Example.ORG", "customer.1@example.org")
    assert right >= OLD_CUSTOMERS
    assert f"{OLD_CUSTOMERS} rows written, and {OLD_CUSTOMERS} units verified." in filled.watched


async def test_the_sync_trigger_of_the_application_s_migration_fills_new_rows(filled: Filled) -> None:
    new = await filled.connection.fetchval(
        "INSERT INTO customers (email) VALUES ('New@Example.ORG ') RETURNING email_normalized"
    )

    assert new == "new@example.org"


async def test_every_check_knows_the_only_backfill_without_its_name(filled: Filled) -> None:
    def ask(*words: str) -> dict[str, object]:
        answer: dict[str, object] = json.loads(filled.shop.done("backfill", *words, "--json"))
        return answer

    verified, previewed, examined = await asyncio.gather(
        *(asyncio.to_thread(ask, *words) for words in (["verify"], ["preview", "--seconds", "1"], ["doctor"]))
    )

    assert (verified["backfill"], verified["ok"]) == (NAME, True)
    assert previewed["backfill"] == NAME
    levels = {check["check"]: (check["status"], check["message"]) for check in examined["checks"]}  # type: ignore[attr-defined]
    assert levels["backfills"] == ("ok", NAME)
    assert levels["schema"] == ("ok", f"ready for {NAME}")
    assert levels["privileges"][0] == levels["worker"][0] == "ok"


async def test_the_service_shows_its_runs_and_its_title(filled: Filled, spawned: list[Spawned], tmp_path: Path) -> None:
    serving = filled.shop.spawn("backfill", "serve", "--port", "0", log_file=tmp_path / "serve.log")
    spawned.append(serving)
    address = await wait_until(lambda: "".join(re.findall(r"^listening on (http://\S+)$", serving.log, re.MULTILINE)))

    async with httpx.AsyncClient(base_url=address, timeout=20) as client:
        runs = (await client.get("/v1/runs")).json()["runs"]
        page = await client.get("/")
        of_run = await client.get(f"/runs/{runs[-1]['id']}")
        description = (await client.get("/openapi.json")).text

    assert [(runs[-1]["backfill"], runs[-1]["state"])] == [(NAME, "succeeded")]
    assert (page.status_code, of_run.status_code) == (200, 200)
    assert "Backfills of the shop" in description
    assert not re.findall(".{40}(?:generation|codebegen).{20}", description + page.text + of_run.text, re.IGNORECASE)
    assert NAME in of_run.text


async def test_the_library_s_worker_needs_no_module_of_the_application(
    filled: Filled, spawned: list[Spawned], tmp_path: Path
) -> None:
    """Beside the first one, which is stopped for it: this run is the second worker's."""
    filled.worker.end()
    await filled.connection.execute("ALTER TABLE customers DISABLE TRIGGER email_normalized_sync")
    await filled.connection.execute("INSERT INTO customers (email) VALUES ('Late@Example.ORG')")
    await filled.connection.execute("ALTER TABLE customers ENABLE TRIGGER email_normalized_sync")
    worker = filled.shop.spawn("arq", "backfill.worker.WorkerSettings", log_file=tmp_path / "worker.log")
    spawned.append(worker)
    await until_ready(worker)

    await asyncio.to_thread(filled.shop.done, "backfill", "enqueue", NAME, "--watch")

    assert not await filled.connection.fetchval("SELECT count(*) FROM customers WHERE email_normalized IS NULL")
    assert "slice done" in worker.log


async def test_a_name_that_is_not_there_is_answered_with_those_that_are(filled: Filled) -> None:
    refused = await asyncio.to_thread(filled.shop.run, "backfill", "enqueue", "generation-versions")

    assert refused.returncode == 4
    assert refused.stderr == f"error: There is no backfill named 'generation-versions'. Known: {NAME}.\n"


@pytest.mark.parametrize("words", [("--help",), ("enqueue", "--help"), ("schema", "--help")])
def test_help_names_nothing_of_another_application(shop: ForeignVenv, words: tuple[str, ...]) -> None:
    assert not re.search("generation|project|codebegen", shop.done("backfill", *words), re.IGNORECASE)
