"""What whoever migrates reads while it goes on."""

from __future__ import annotations

import json
import re

from tests.migrations.support import alembic

FOR_A_PERSON = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (Running|adding|building|validating|creating) .+")


def test_a_pipe_gets_lines_for_a_person_unless_json_is_asked_for(blank_database: str) -> None:
    as_json = alembic("upgrade", "e011ab9dd223", url=blank_database, BACKFILL_LOG_FORMAT="json")
    for_a_person = alembic("upgrade", "head", url=blank_database)

    assert (as_json.stdout, for_a_person.stdout) == ("", "")
    assert [json.loads(line)["level"] for line in as_json.stderr.splitlines()] == ["info"]
    assert "building index ix_projects_created_at_id" in for_a_person.stderr
    assert all(FOR_A_PERSON.fullmatch(line) for line in for_a_person.stderr.splitlines()), for_a_person.stderr
