#!/usr/bin/env python3
"""Writes what the documents say of the code: states of a run, settings, what the tests guard, the README's table.

A table that is kept by hand beside the one in the code is wrong sooner or later. A test compares the pages with what
would be written here.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from backfill.alembic.directives.described import DIRECTIVES, Described
from backfill.runs.states import ARROWS, AT_REST, DONE, FIRST, OPERATOR_ACTIONS, WORKING, Arrow, State, possible_actions
from backfill.settings import SettingDescription, describe_settings
from benchmarks.report import RESULTS, markdown
from tests.mutations.sabotage import Sabotage
from tests.mutations.sabotages import SABOTAGES

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
INTERLEAVINGS = "tests/interleavings"
README = ROOT / "README.md"
SCALING = DOCS / "scaling.md"

# Around the README's table; what stands between them is replaced.
TABLE_BEGINS = "<!-- settings: made by `make docs` -->"
TABLE_ENDS = "<!-- end of settings -->"
MEASURED_BEGINS = "<!-- measured: made by `make docs` from benchmarks/results.json -->"
MEASURED_ENDS = "<!-- end of measured -->"
MATTER_MOST = (
    "DATABASE_URL",
    "REDIS_URL",
    "BACKFILL_PARALLEL",
    "BACKFILL_TARGET_MS",
    "BACKFILL_PAUSE_MS",
    "BACKFILL_ROWS_PER_SECOND",
    "BACKFILL_PGBOUNCER",
    "BACKFILL_TOKENS",
)

STATES = """\
# The states of a run

Made by `make docs` from `backfill/runs/states.py`, which the Lua scripts in Redis use as well: there is no second
table. What is not in it is refused, with the list of what is possible.

```mermaid
{diagram}
```

What is at rest or done stays so until somebody acts; everything else goes on by itself, `queued` with the first worker
that is free. A run that needs an approval begins as `proposed`, any other one as `queued`. A command that asks for what
is the case already changes nothing and succeeds.

{states}

An *operator* acts by command, HTTP or button; the *engine* acts by itself. The engine also pauses a run, with the
reason in its `error`, when PostgreSQL does not let it go on or too many units fail.

{arrows}
"""

CONFIGURATION = """\
# Configuration

Made by `make docs` from `backfill/settings/fields.py`. Settings are environment variables, or lines `NAME=value` in a
file `.env` in the working directory; the environment goes before the file, and an empty value counts as none. Nothing
has to be set: with neither of the two URLs, every command uses embedded servers.

An application can ship values of its own in `backfill.toml` or `config/backfill.toml`, with the names in lower case and
without their prefix; environment and `.env` outrank it. This service's `config/backfill.toml` names its definitions.

A value that cannot be used is told by its variable's name, all such values at once, with exit code 2, and so is a
`BACKFILL_` variable that there is none of. Values that may hold a password are never shown. `backfill doctor` lists
what is set, and where.

{settings}

The two URLs hold passwords. `DATABASE_URL_FILE` and `REDIS_URL_FILE` take them from files instead, as Docker and
Kubernetes provide secrets; `docker-compose.yml` does so, and `make secrets` makes the files for it.
"""

DIRECTIVES_PAGE = """\
# Online directives

Made by `make docs` from `backfill/alembic/directives/described.py`. [The cycle](expand-contract.md) tells when to use
which.

Each step is a transaction of its own, or none where PostgreSQL allows none. It waits for its lock at most
`BACKFILL_MIGRATION_LOCK_TIMEOUT_MS`, lets the application pass, and tries again; nothing else of the revision is locked
meanwhile. A step that is done is passed over without a lock, by what is in the catalog and not by its name alone: a
revision that was killed is run again. Of two tables only a foreign key locks both.

{table}

CONCURRENTLY has no lock timeout, for it would leave an invalid index. While it waits, it holds up nobody but other
changes of the table.
"""

PROOF = """\
# What would notice a mistake

Made by `make docs` from the tests themselves. [why.md](why.md) says why the rules are as they are.

## Races

Sessions take their steps in every order, and PostgreSQL says which of them wait. The backfill's steps are its own
statements, stopped one by one. Each case also takes away the rule that guards it, and shows what goes wrong then.

{races}

## Sabotages

One line of a copy of the project is changed, and the test beside it has to fail there, by an assertion. On the copy as
it is, all of them pass. `tests/mutations/sabotages.py` and `engine.py` beside it have the changes themselves.

{sabotages}

## Live traffic

`make soak` breaks everything under live traffic, on servers of its own: workers are killed, frozen and replaced,
PostgreSQL crashes, Redis is killed and emptied, connections and answers to COMMIT are lost, rows are locked, runs are
paused and cancelled. It goes on for `MINUTES` (20); `SEED` decides which faults come in which order, and is shown.
`make test` has two minutes of it.

After each round every acknowledged write is accounted for, by a checker in `tests/proof` that shares nothing with the
verification of a run. A ledger follows: faults, recoveries (also without what a server needed itself), transactions,
units settled under contention, violations.
Exit code 0, or 3 with the seed of each round at fault. With that seed, as in `make soak SEED=7 ROUNDS=1`, the same
faults are played again, though not to the millisecond. Ctrl-C ends it with the ledger so far.

## Files

`make soak-files` brings the files of 20 000 generations over: flat folders, zips, and texts in their rows alone. Beside
it an application of two processes inserts in both layouts, deletes rows with their folders, generates again under the
same id, activates, cleans old entries away, and reads by version, by path, by link and flat. Workers are killed 20
times, and the disk is full twice, where root may mount one. The application knows every byte that it has written, and
holds each read against that. Afterwards `tests/proof/files/oracle.py`, which uses nothing of the backfill, looks at
every row, folder, manifest, patch and link. Exit code 0, or 3 with what was found; `make test` has a small one.
"""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """In Markdown; what would end a cell is escaped."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def states_page() -> str:
    arrows = [f"    {arrow.source} --> {arrow.target}: {arrow.action}" for arrow in ARROWS]
    begins = [f"    [*] --> {state}: enqueue" for state in FIRST]
    ends = [f"    {state} --> [*]" for state in State if state in DONE]
    return STATES.format(
        diagram="\n".join(["stateDiagram-v2", *begins, *arrows, *ends]),
        states=table(("state", "is", "an operator may"), map(_state_row, State)),
        arrows=table(("from", "action", "to", "asked for by", "when or why"), map(_arrow_row, ARROWS)),
    )


def _state_row(state: State) -> tuple[str, str, str]:
    kinds = {"at work": WORKING, "done": DONE, "at rest": AT_REST}
    kind = next((kind for kind, states in kinds.items() if state in states), "in passing")
    return f"`{state}`", kind, ", ".join(f"`{action}`" for action in possible_actions(state)) or "nothing"


def _arrow_row(arrow: Arrow) -> tuple[str, ...]:
    who = "operator" if arrow.action in OPERATOR_ACTIONS else "engine"
    return f"`{arrow.source}`", f"`{arrow.action}`", f"`{arrow.target}`", who, arrow.why


def configuration_page() -> str:
    head = ("variable", "default", "allowed", "meaning")
    return CONFIGURATION.format(settings=table(head, map(_setting_row, describe_settings())))


def _setting_row(setting: SettingDescription) -> tuple[str, ...]:
    default = f"`{setting.default}`" if setting.default else ""
    return f"`{setting.name}`", default, setting.allowed, setting.description


def proof_page() -> str:
    cases = sorted((ROOT / INTERLEAVINGS).glob("test_*.py"))
    return PROOF.format(
        races=table(("what happens at once", "guarded by", "cases"), map(_race_row, cases)),
        sabotages=table(("sabotage", "of", "caught by"), map(_sabotage_row, SABOTAGES)),
    )


def _race_row(case: Path) -> tuple[str, ...]:
    """From its docstring: a paragraph that says what happens, and one that says what guards it."""
    paragraphs = (ast.get_docstring(ast.parse(case.read_text(encoding="utf-8"))) or "").split("\n\n")
    what, guard = (" ".join(paragraph.split()) for paragraph in paragraphs)
    return what, guard.removeprefix("Guarded by "), f"`{INTERLEAVINGS}/{case.name}`"


def _sabotage_row(sabotage: Sabotage) -> tuple[str, ...]:
    return sabotage.name, f"`{sabotage.file}`", f"`{sabotage.caught_by}`"


def directives_page() -> str:
    rows = (row for one in DIRECTIVES for row in _directive_rows(one))
    return DIRECTIVES_PAGE.format(table=table(("directive", "runs", "locks", "for", "way back"), rows))


def _directive_rows(one: Described) -> Iterator[tuple[str, ...]]:
    name, _, more = one.directive.partition(",")
    for number, step in enumerate(one.steps):
        first = (f"`op.{name}`{more and ',' + more}", one.back) if number == 0 else ("", "")
        yield first[0], step.runs, step.locks, step.lasts, first[1]


def readme(present: str) -> str:
    """The README with its table of settings as it must be. ValueError where it has no marks."""
    settings = {setting.name: setting for setting in describe_settings()}
    rows = [_setting_row(settings[name]) for name in MATTER_MOST]
    made = table(("variable", "default", "meaning"), [(name, default, meaning) for name, default, _, meaning in rows])
    return _between(present, TABLE_BEGINS, made, TABLE_ENDS)


def scaling(present: str) -> str:
    """The page on scaling with what `python -m benchmarks.report` measured last."""
    return _between(present, MEASURED_BEGINS, f"\n{markdown(json.loads(RESULTS.read_text()))}\n", MEASURED_ENDS)


def _between(present: str, begins: str, made: str, ends: str) -> str:
    before, begun, rest = present.partition(begins)
    _, ended, after = rest.partition(ends)
    if not (begun and ended):
        raise ValueError(f"the page needs a line {begins} and a line {ends}")
    return f"{before}{begins}\n{made}\n{ends}{after}"


PAGES: Mapping[str, Callable[[], str]] = {
    "configuration.md": configuration_page,
    "directives.md": directives_page,
    "proof.md": proof_page,
    "states.md": states_page,
}


def main() -> int:
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
        print(f"docs/{name}")
    README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")
    print(README.name)
    SCALING.write_text(scaling(SCALING.read_text(encoding="utf-8")), encoding="utf-8")
    print("docs/scaling.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
