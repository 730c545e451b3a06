"""`backfill verify` and `backfill doctor`: is the data right, and is everything there that a run needs?"""

from __future__ import annotations

from collections import Counter

import typer

from backfill.cli.checks import Level
from backfill.cli.doctor import examine
from backfill.cli.options import BackfillName, Json
from backfill.cli.output import answer_console, write_json
from backfill.cli.parameters import Param, ParamsFile, given_parameters
from backfill.cli.rows import print_rows
from backfill.cli.session import with_service
from backfill.cli.verdict import Outcome, Status, outcomes
from backfill.engine.preflight import the_only_one
from backfill.runs.errors import VerificationFailed
from backfill.runs.wording import counted
from backfill.wiring import Service


def verify(backfill: BackfillName = None, param: Param = None, params: ParamsFile = None, json: Json = False) -> None:
    """Check the data and the schema against every rule, as the end of a run does; writes nothing."""

    async def check(service: Service) -> tuple[str, int, tuple[Outcome, ...]]:
        name = backfill or the_only_one(service.control.backfills)
        given = given_parameters(service.control.known, name, param, params)
        units, findings = await service.control.verify(name, given)
        return name, units, outcomes(service.control.backfill(name).rules, findings)

    name, units, checked = with_service(check)
    broken = [outcome for outcome in checked if outcome.status is Status.ERROR]
    if json:
        documents = [outcome.document() for outcome in checked]
        write_json({"backfill": name, "ok": not broken, "units_checked": units, "rules": documents})
    else:
        _print_outcomes(units, checked)
    if broken:
        rules = f"{counted(len(broken), 'rule')} {'is' if len(broken) == 1 else 'are'} broken"
        raise VerificationFailed(f"{rules}: {', '.join(outcome.rule for outcome in broken)}.")


def _print_outcomes(units: int, checked: tuple[Outcome, ...]) -> None:
    console = answer_console()
    for outcome in checked:
        console.print(outcome.line())
    counts = Counter(outcome.status for outcome in checked)
    words = ", ".join(f"{counts[status]} {status}" for status in Status if counts[status])
    console.print(f"{counted(units, 'unit')} and {counted(len(checked), 'rule')}: {words}.")


def doctor(json: Json = False) -> None:
    """Look at the settings, Postgres, the schema, Redis and the workers; the exit code is the first failure's."""
    checks = with_service(examine)
    if json:
        ok = all(check.level is not Level.ERROR for check in checks)
        write_json({"ok": ok, "checks": [check.document() for check in checks]})
    else:
        print_rows(answer_console(), [check.row() for check in checks])
    failed = next((check.error for check in checks if check.error is not None), None)
    if failed is not None:
        raise typer.Exit(failed.exit_code)
