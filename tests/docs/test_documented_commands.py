"""Every command in README.md and docs/ works as it stands.

Blocks are typed line by line, each page in an environment of its own. A command in running text is typed too, or it is
one of a block; one that only names a subcommand has to name one that there is. What cannot be typed here is listed with
the reason and with the test that does it.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import typer

from backfill.cli.app import build_app
from backfill.cli.lazy import load
from backfill.cli.table import commands
from backfill.runs.errors import OwnApproval, WrongState
from tests.conftest import Spawn
from tests.migrations.support import HEAD
from tests.support.commands import REPOSITORY, environment_for, run_command
from tests.support.documents import READ, TYPED, Page, pages, words_of
from tests.support.known_words import PHRASES, PROGRAMS
from tests.support.old_rows import old_rows
from tests.support.reader import OWN_PROGRAMS, Reader, begins_with
from tests.support.runs import enqueue


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    why_not_here: str
    test: str


TARGETS_OF_MAKE = "tests/docs/test_documented_commands.py::test_a_target_of_make_is_there"
OF_THE_FILES = "tests/files/test_commands.py::test_the_root_is_marked_and_each_step_comes_in_its_order"
# How commands begin that are not typed here.
ELSEWHERE = {
    "make demo": Elsewhere(
        why_not_here="a minute of work on servers of its own",
        test="tests/integration/test_demo.py::test_it_ends_verified_and_the_application_has_seen_no_error",
    ),
    "make test": Elsewhere(why_not_here="it runs this very test", test=TARGETS_OF_MAKE),
    "make containers": Elsewhere(why_not_here="it builds and runs containers, for minutes", test=TARGETS_OF_MAKE),
    "make soak": Elsewhere(
        why_not_here="it breaks servers for minutes",
        test="tests/proof/campaign/test_campaign.py::test_a_campaign_of_faults_under_live_traffic_breaks_no_rule",
    ),
    "make soak-files": Elsewhere(
        why_not_here="it kills workers and fills a disk for minutes",
        test="tests/proof/files/test_proof_of_files.py::test_no_read_fails_or_finds_other_bytes_and_every_file_is_in_its_place",
    ),
    "make bench": Elsewhere(
        why_not_here="it measures, for minutes, and passes whatever it finds",
        test="tests/docs/test_documented_commands.py::test_a_measurement_takes_the_options_that_it_is_given",
    ),
    "make secrets": Elsewhere(
        why_not_here="it writes into the checkout",
        test="tests/integration/test_image_commands.py::test_the_api_opens_to_others_only_with_the_tokens_that_make_secrets_made",
    ),
    "make docs": Elsewhere(
        why_not_here="it writes into the checkout",
        test="tests/unit/test_written_docs.py::test_a_page_says_what_the_code_says",
    ),
    "make preview-sql": Elsewhere(
        why_not_here="it writes into the checkout",
        test="tests/migrations/test_migration_guide.py::test_the_preview_is_what_alembic_would_run_now",
    ),
    "make install": Elsewhere(why_not_here="it makes .venv, in which this test may be running", test=TARGETS_OF_MAKE),
    "backfill contract --write": Elsewhere(
        why_not_here="it writes into the checkout",
        test="tests/alembic_online/test_cycle.py::test_the_whole_cycle_under_traffic_costs_no_error_and_no_wrong_row",
    ),
    "backfill contract --apply": Elsewhere(
        why_not_here="it changes what the other commands of these pages run on",
        test="tests/alembic_online/test_cycle.py::test_the_whole_cycle_under_traffic_costs_no_error_and_no_wrong_row",
    ),
    "backfill new": Elsewhere(
        why_not_here="it writes into an application",
        test="tests/examples/test_new.py::test_what_it_writes_migrates_passes_its_own_tests_and_comes_to_its_end",
    ),
    **dict.fromkeys(
        (
            "backfill files-root",
            "backfill enqueue generation-sizes",
            "backfill enqueue generation-files",
            "backfill enqueue generation-files-cleanup",
            "backfill verify --backfill generation-files",
        ),
        Elsewhere(why_not_here="it works on files in the checkout", test=OF_THE_FILES),
    ),
    "backfill throttle --database billing": Elsewhere(
        why_not_here="the service of these pages has one database",
        test="tests/integration/test_autopilot_servers.py::test_a_limit_and_a_switch_are_for_all_servers_or_for_the_one_of_a_database",
    ),
    "make check": Elsewhere(why_not_here="linters over the whole tree are no test of a command", test=TARGETS_OF_MAKE),
    "make help": Elsewhere(why_not_here="it prints the targets", test=TARGETS_OF_MAKE),
    "python -m benchmarks": Elsewhere(
        why_not_here="it measures, for minutes, and passes whatever it finds",
        test="tests/docs/test_documented_commands.py::test_a_measurement_takes_the_options_that_it_is_given",
    ),
    "docker compose": Elsewhere(
        why_not_here="there need be no Docker engine; what it would start is started as plain processes",
        test="tests/integration/test_image_commands.py::test_the_migration_runs_to_its_end_and_may_run_again",
    ),
    "kubectl": Elsewhere(
        why_not_here="there is no cluster",
        test="tests/unit/test_kubernetes.py::test_a_pod_runs_the_same_image_and_command_as_the_compose_file",
    ),
    "docker build": Elsewhere(
        why_not_here="there need be no Docker engine",
        test="tests/unit/test_compose.py::test_pip_is_told_of_mirrors_and_certificates_by_secrets_that_stay_in_no_layer",
    ),
    "pip wheel": Elsewhere(
        why_not_here="it fetches what builds the wheel, and writes into the checkout",
        test="tests/wheel/test_the_wheel.py::test_the_library_is_the_only_package_in_the_wheel",
    ),
    "pip install": Elsewhere(
        why_not_here="into an environment of the reader's own",
        test="tests/wheel/test_foreign_application.py::test_the_application_s_packages_keep_their_names",
    ),
    "psql -X -f docs/roles.sql": Elsewhere(
        why_not_here="it makes roles, which belong to the whole server",
        test="tests/integration/test_roles.py::test_migration_run_and_verification_work_under_their_roles_while_the_application_writes",
    ),
}
LIKE_A_COMMAND = re.compile(r"[a-z.~/][\w./-]* +\S")
# What is refused here, as the pages say: nothing has failed, and the run may be over. A retry that has something to do:
# tests/integration/test_poison_rows.py.
ANNOUNCED = {
    "backfill retry": (os.EX_OK, WrongState.exit_code),
    "backfill approve": (os.EX_OK, OwnApproval.exit_code),
}
ON_A_RUN = ("status", "watch", "wait", "events", "set", "pause", "resume", "cancel")
GUIDE = f"docs/MIGRATION_{HEAD}_README.md"  # has a test of its own, which knows what it backs up and restores
PAGES = pages()
FROM_TODAYS_SCHEMA = {"README.md", "docs/expand-contract.md", "docs/library.md"}


def elsewhere(command: str) -> str | None:
    """The entry that this command falls under."""
    typed = " ".join(words_of(command))
    return next((first for first in ELSEWHERE if re.match(rf"{re.escape(first)}(?![\w-])", typed)), None)


def typed_lines(page: Page) -> list[str]:
    return [line for fence in page.fences for line in fence.lines_to_type()]


def program_of(command: str) -> str:
    words = [word for word in words_of(command) if not re.match(r"[A-Z_]+=", word)]
    return words[0].removeprefix(OWN_PROGRAMS)


def named_in_text() -> Iterator[tuple[str, str]]:
    """Where, and the command: `program ...`, and in a cell that begins with a command the words that go on with it."""
    for page in PAGES:
        for passage in page.passages:
            where = f"{page.name}:{passage.line}"
            for code in passage.code:
                if LIKE_A_COMMAND.match(code) and code not in PHRASES:
                    yield where, code
                elif passage.is_cell and passage.code[0].startswith("backfill ") and re.fullmatch("[a-z]+", code):
                    yield where, f"backfill {code}"


def with_arguments() -> list[str]:
    """The commands in running text that say more than a subcommand, and that no page types in a block."""
    typed = {" ".join(words_of(line)) for page in PAGES for line in typed_lines(page)}
    named = {code for _, code in named_in_text() if len(words_of(code)) > 2 and elsewhere(code) is None}
    return sorted(code for code in named if " ".join(words_of(code)) not in typed)


def subcommands() -> dict[str, Any]:
    return {name: load(name, spec) for name, spec in commands().items()}


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.fixture
def places(
    environment: dict[str, str], environment_e011: dict[str, str], unused_port: int
) -> dict[str, dict[str, str]]:
    """Where a reader may be. Slow: a run outlasts every page that steers it, and ends when the page lifts the limit."""
    port = {"BACKFILL_HTTP_PORT": str(unused_port)}
    limits = {"BACKFILL_ROWS_PER_SECOND": "4", "BACKFILL_BATCH_ROWS": "10"}
    return {"before the migration": environment_e011 | port, "slow": environment | port | limits}


@pytest.mark.parametrize(
    "page", [page for page in PAGES if typed_lines(page) and page.name != GUIDE], ids=lambda page: page.name
)
async def test_a_page_can_be_followed(page: Page, places: dict[str, dict[str, str]], spawn_program: Spawn) -> None:
    env = places["before the migration" if page.name in FROM_TODAYS_SCHEMA else "slow"]
    async with old_rows(env["DATABASE_URL"]) as rows:
        for number in range(20):
            await rows.add_project(f"p{number}", minute=number)
            await rows.add_many(f"p{number}", 40)
    reader = Reader(env, spawn_program, exit_codes=ANNOUNCED)

    await reader.follow(page, leave_out=lambda line: elsewhere(line) is not None)

    await reader.stop()


@pytest.mark.parametrize("command", with_arguments())
async def test_a_command_in_running_text_works(
    command: str, environment: dict[str, str], environment_e011: dict[str, str], spawn_program: Spawn
) -> None:
    env = environment_e011 if program_of(command) == "alembic" else environment
    if any(begins_with(command, ("backfill", action)) for action in ON_A_RUN):
        command = command.replace(" RUN", f" {enqueue(env)['id']}")

    await Reader(env, spawn_program).type(command)


def test_what_reads_like_a_command_is_one_of_a_program_that_is_known() -> None:
    typed = [(page.name, line) for page in PAGES for line in typed_lines(page)]

    unknown = [
        (where, command)
        for where, command in [*typed, *named_in_text()]
        if program_of(command) not in {*PROGRAMS, "export"}
    ]

    assert not unknown, "neither a known program nor one of the PHRASES"


def test_every_language_of_a_block_is_known() -> None:
    languages = {(page.name, fence.language) for page in PAGES for fence in page.fences}

    assert not [one for one in languages if one[1] not in {*TYPED, *READ}]


def test_every_subcommand_that_is_named_is_there_and_typed_by_a_page_or_elsewhere() -> None:
    called = [words_of(code)[1] for _, code in named_in_text() if program_of(code) == "backfill"]
    named = {word for word in called if not word.startswith("-")}
    typed = {words_of(line)[1] for page in PAGES for line in typed_lines(page) if program_of(line) == "backfill"}
    typed |= {words_of(command)[1] for command in with_arguments() if program_of(command) == "backfill"}

    assert named <= set(subcommands())
    assert set(subcommands()) <= typed, "a command that no page shows at work"


def test_every_option_that_is_named_is_one_of_a_subcommand() -> None:
    group = typer.main.get_command(build_app())
    commands = [group, *subcommands().values()]
    options = {name for command in commands for parameter in command.params for name in parameter.opts}
    named = {code for page in PAGES for passage in page.passages for code in passage.code if code.startswith("--")}

    named |= {code.split()[1] for _, code in named_in_text() if code.startswith("backfill --")}

    assert {words_of(code)[0] for code in named} <= {*options, "--help"}


@pytest.mark.parametrize("first", ELSEWHERE)
def test_what_is_not_typed_here_is_needed_and_has_a_test(first: str) -> None:
    everything = [line for page in PAGES for line in typed_lines(page)] + [code for _, code in named_in_text()]
    file, _, name = ELSEWHERE[first].test.partition("::")

    assert first in {elsewhere(command) for command in everything}
    assert f"def {name}(" in (REPOSITORY / file).read_text(encoding="utf-8")


def commands_of(*first: str) -> list[str]:
    everything = [line for page in PAGES for line in typed_lines(page)] + [code for _, code in named_in_text()]
    return sorted({" ".join(words_of(command)) for command in everything if begins_with(command, first)})


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
@pytest.mark.parametrize("command", commands_of("make"))
def test_a_target_of_make_is_there(command: str) -> None:
    done = run_command(*words_of(command), "--dry-run", env=environment_for())

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", sorted({words_of(command)[2] for command in commands_of("python", "-m")}))
def test_a_measurement_takes_the_options_that_it_is_given(module: str) -> None:
    given = {word for command in commands_of("python", "-m", module) for word in words_of(command)[3:]}

    shown = run_command(sys.executable, "-m", module, "--help", env=environment_for())  # it takes minutes to run

    assert shown.returncode == 0, shown.stderr
    assert not [option for option in given if option.startswith("--") and option not in shown.stdout]
