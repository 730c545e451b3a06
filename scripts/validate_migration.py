#!/usr/bin/env python3
"""Says whether migration and backfill have left the database as they should: a line per check, exit code 0 or 3.

The checks are the verification's rules, gathered under the names that a release checklist uses. Only DATABASE_URL
is needed. Nothing is written, and no statement reads more than a bounded piece of the tables.

Exit codes: 0 everything holds; 2 wrong usage or settings; 3 a check failed; 6 not all rows and columns may be read;
7 the database cannot be reached.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backfill.cli.verdict import Outcome, Status, outcomes
from backfill.engine.checking import check_everything
from backfill.engine.preflight import require_privileges, told_to_operator
from backfill.logging import setup_logging
from backfill.masking import mask_passwords
from backfill.runs.errors import OperatorError, VerificationFailed
from backfill.runs.wording import counted
from backfill.settings import load_settings
from backfill.wiring import open_backfills

BACKFILL = "generation-versions"

# In the order of the printed lines. A rule that no check names gets a line of its own at the end.
CHECKS = {
    "columns": ("columns",),
    "foreign key": ("foreign_key",),
    "indexes": ("indexes",),
    "triggers": ("triggers",),
    "statistics": ("statistics",),
    "all generations versioned": ("unassigned",),
    "storage paths": ("blank_storage_path",),
    "sequences 1, 2, 3, ... per project": ("duplicate_versions", "version_below_one", "gaps", "inversions"),
    "latest_version": ("latest_version_too_low",),
    "active assignments": ("active_of_another_project", "completed_but_none_active", "active_not_completed"),
    "is_active consistency": ("active_mismatch",),
}

_WORST_FIRST = (Status.ERROR, Status.UNCHECKED, Status.WARNING, Status.OK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    title: str
    outcomes: tuple[Outcome, ...]

    @property
    def status(self) -> Status:
        """That of the worst of its rules."""
        present = {outcome.status for outcome in self.outcomes}
        return next(status for status in _WORST_FIRST if status in present)

    def document(self) -> dict[str, Any]:
        return {
            "check": self.title,
            "status": self.status.value,
            "rules": [outcome.document() for outcome in self.outcomes],
        }

    def line(self) -> str:
        details = [outcome.line() for outcome in self.outcomes if outcome.count]
        return "\n".join([f"{self.status.upper():<9}  {self.title}", *(f"           {detail}" for detail in details)])


def gather(found: Sequence[Outcome]) -> tuple[Check, ...]:
    """The outcomes of all rules as checks, none lost."""
    by_rule = {outcome.rule: outcome for outcome in found}
    named = {rule for rules in CHECKS.values() for rule in rules}
    checks = [
        Check(title=title, outcomes=tuple(by_rule[rule] for rule in rules if rule in by_rule))
        for title, rules in CHECKS.items()
    ]
    others = [Check(title=outcome.title, outcomes=(outcome,)) for outcome in found if outcome.rule not in named]
    return tuple(check for check in [*checks, *others] if check.outcomes)


async def validate() -> tuple[int, tuple[Check, ...]]:
    """How many projects were looked at, and the checks. Raises OperatorError."""
    settings = load_settings()
    setup_logging(settings.log_level, settings.log_format)
    async with open_backfills(settings, application_name="validate-migration") as known:
        backfill = known.find(BACKFILL)
        await require_privileges(backfill, writes=False)
        with told_to_operator():
            units, findings = await check_everything(backfill)
        return units, gather(outcomes(backfill.rules, findings))


def show(units: int, checks: Sequence[Check], *, as_json: bool) -> None:
    ok = not any(check.status is Status.ERROR for check in checks)
    if as_json:
        document = {"ok": ok, "projects_checked": units, "checks": [check.document() for check in checks]}
        print(json.dumps(document, indent=2, ensure_ascii=False))
        return
    for check in checks:
        print(check.line())
    print(f"{counted(units, 'project')}, {counted(len(checks), 'check')}: {'all hold' if ok else 'not all hold'}.")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of lines")
    as_json: bool = parser.parse_args().json
    try:
        units, checks = asyncio.run(validate())
    except OperatorError as error:
        print(f"error: {mask_passwords(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    show(units, checks, as_json=as_json)
    failed = any(check.status is Status.ERROR for check in checks)
    return VerificationFailed.exit_code if failed else 0


if __name__ == "__main__":
    sys.exit(main())
