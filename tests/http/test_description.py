"""/openapi.json is true: the service answers as it says, whatever it is asked, and shows an example of every answer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from jsonschema_rs import validator_for

from backfill.http.tokens import Scope, new_token
from tests.conftest import Spawn
from tests.http.test_serving import address_of
from tests.support.cli import BACKFILL
from tests.support.commands import run_command

MOST_EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "15"))


def responses_in(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, response in operation["responses"].items():
                for media in response.get("content", {}).values():
                    yield f"{method} {path} {status}", media


def test_every_answer_has_an_example_that_fits(app: FastAPI) -> None:
    document = app.openapi()

    for where, media in responses_in(document):
        assert "example" in media, where
        if media["schema"] != {"type": "string"}:
            schema = {**media["schema"], "components": document["components"]}
            assert validator_for(schema).is_valid(media["example"]), where


async def test_a_problem_is_described_as_it_is_sent(app: FastAPI, client: httpx.AsyncClient) -> None:
    document = app.openapi()

    problem = (await client.get("/v1/runs/000000000000")).json()

    schema = {"$ref": "#/components/schemas/Problem", "components": document["components"]}
    assert validator_for(schema).is_valid(problem)


async def test_it_answers_as_it_says_whatever_it_is_asked(spawn: Spawn, environment: dict[str, str]) -> None:
    """SCHEMATHESIS_EXAMPLES=500 asks for longer."""
    secret, token = new_token("schemathesis", Scope.OPERATE)
    given = {"BACKFILL_TOKENS": token.line(), "BACKFILL_HTTP_REQUESTS_PER_MINUTE": "999999"}
    serving = spawn(*BACKFILL, "serve", "--port", "0", env=environment | given)

    asked = run_command(
        *("schemathesis", "--config-file", str(Path(__file__).with_name("schemathesis.toml")), "run"),
        f"{await address_of(serving)}/openapi.json",
        *("--no-color", "--header", f"Authorization: Bearer {secret}"),
        *("--max-examples", str(MOST_EXAMPLES), "--seed", "1", "--generation-database", "none"),
        *("--exclude-path-regex", "/events$"),  # does not end by itself; the tests of live events have it
        env=environment,
        timeout=60.0 + 10 * MOST_EXAMPLES,
    )

    assert asked.returncode == 0, asked.stdout
    assert "Traceback" not in serving.log
