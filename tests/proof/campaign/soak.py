"""`make soak`: a campaign for as long as asked, a line per round, and the ledger at the end.

Exit code 0, or 3 with the violations; each names the seed of its round, and `make soak SEED=... ROUNDS=1` plays that
round again. Ctrl-C or SIGTERM ends it early, with the ledger so far.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backfill.logging import setup_logging
from backfill.runs.errors import OperatorError, RunFailed
from tests.proof.campaign.campaign import Bounds, campaign, own_field
from tests.proof.campaign.ledger import Ledger
from tests.proof.campaign.plan import LARGEST_SEED, RoundPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    seed: int
    bounds: Bounds
    json_file: Path | None


def options_from(arguments: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="default: one by chance, which is shown")
    parser.add_argument("--minutes", type=float, default=20.0, help="no round begins later; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=sys.maxsize, help="no more than so many")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the ledger there, too")
    given = parser.parse_args(arguments)
    if given.minutes <= 0 or given.rounds < 1:
        parser.error("--minutes and --rounds must be more than 0")
    if given.seed is not None and not 0 <= given.seed <= LARGEST_SEED:
        parser.error(f"--seed must be from 0 to {LARGEST_SEED}")
    return Options(
        seed=random.randint(0, LARGEST_SEED) if given.seed is None else given.seed,
        bounds=Bounds(seconds=given.minutes * 60, rounds=given.rounds),
        json_file=given.json,
    )


def say(line: str = "") -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def tell_round(number: int, plan: RoundPlan, came: Ledger, seconds: float) -> None:
    times = [one for each in came.recoveries.values() for one in each]
    say(
        f"round {number:>3}  seed {plan.seed:>10}  {seconds:5.0f} s  {came.faults.total():>3} faults"
        f"  {came.writes.total():>6} writes  slowest recovery {max(times, default=0.0):5.1f} s"
        f"  {len(came.violations)} violations"
    )
    for violation in came.violations:
        say(f"    {violation.what}")


def exit_code_of(ledger: Ledger) -> int:
    return RunFailed.exit_code if ledger.violations else 0


async def soak(options: Options, ledger: Ledger) -> None:
    """The logs of the workers are kept when something was found. Cancelled by a signal it ends what it has started."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    logs = Path(tempfile.mkdtemp(prefix="backfill-soak-"))
    try:
        async with own_field(logs) as field:
            await campaign(field, options.seed, options.bounds, ledger, tell_round)
    finally:
        if ledger.violations:
            say(f"The logs of the workers are in {logs}.")
        else:
            shutil.rmtree(logs)


def main() -> int:
    options, ledger = options_from(sys.argv[1:]), Ledger()
    setup_logging("WARNING", "auto")
    say(f"seed {options.seed}")
    try:
        asyncio.run(soak(options, ledger))
    except asyncio.CancelledError:
        say("Interrupted: the ledger so far.")
    except OperatorError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    say()
    for line in ledger.lines():
        say(line)
    if options.json_file:
        document = {"seed": options.seed, **ledger.document()}
        options.json_file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return exit_code_of(ledger)


if __name__ == "__main__":
    sys.exit(main())
