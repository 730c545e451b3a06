"""What a script asks of generation-versions finds what verification finds."""

from __future__ import annotations

import pytest

from tests.conftest import Connect
from tests.migrations.support import Application
from worker.generations import GENERATION_VERSIONS

BREACHES = {
    "unassigned": "UPDATE generations SET storage_path = NULL WHERE id = 'b'",
    "blank_storage_path": "UPDATE generations SET storage_path = '' WHERE id = 'b'",
    "duplicate_versions": "UPDATE generations SET version = 1 WHERE id = 'b'",
    "version_below_one": "UPDATE generations SET version = 0 WHERE id = 'b'",
    "latest_version_too_low": "UPDATE projects SET latest_version = 1 WHERE id = 'p'",
    "active_mismatch": "UPDATE generations SET is_active = true WHERE id = 'a'",
    "active_of_another_project": "UPDATE projects SET active_generation_id = 'c' WHERE id = 'p'",
}


@pytest.fixture
async def application(database: str, connect: Connect) -> Application:
    application = Application(await connect(database))
    await application.add_user()
    await application.add_settled_project("p", "a", "b")
    await application.add_settled_project("q", "c")
    await application.complete("b")
    return application


async def test_a_row_is_wrong_for_a_script_by_each_rule_of_the_data(application: Application) -> None:
    assert GENERATION_VERSIONS.wrong_rows is not None
    question = f"SELECT EXISTS ({GENERATION_VERSIONS.wrong_rows()})"
    connection = application.connection
    found = {}

    right = not await connection.fetchval(question)
    for rule, breach in BREACHES.items():
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(breach)
        found[rule] = await connection.fetchval(question)
        await transaction.rollback()

    assert right
    assert found == dict.fromkeys(BREACHES, True)
