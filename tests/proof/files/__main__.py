"""`make soak-files`: the files of 20 000 generations brought over, under an application that works with both layouts.

Its workers are killed and its disk fills up on the way. In the end every read of the application and every byte on disk
is accounted for. Exit code 0, or 3 with what was found wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backfill.embedded import use_embedded
from backfill.logging import setup_logging
from backfill.runs.errors import OperatorError, RunFailed
from tests.proof.files.course import Place, prove
from tests.proof.files.disk import mounted, why_not
from tests.proof.files.outcome import Outcome
from tests.proof.files.plan import LARGEST_SEED, Plan
from tests.support.commands import REPOSITORY

SERVERS = REPOSITORY / "tests" / ".embedded"


def options_from(arguments: Sequence[str]) -> argparse.Namespace:
    usual = Plan()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generations", type=int, default=usual.generations, help="default: %(default)s")
    parser.add_argument("--kills", type=int, default=usual.kills, help="of workers; default: %(default)s")
    parser.add_argument("--full-disks", type=int, default=usual.full_disks, help="default: %(default)s; only as root")
    parser.add_argument("--seed", type=int, default=usual.seed, help="default: %(default)s")
    parser.add_argument(
        "--operations-per-second", type=float, default=usual.operations_per_second, help="default: %(default)s"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the outcome there, too")
    given = parser.parse_args(arguments)
    if given.generations < 20 or not 0 <= given.seed <= LARGEST_SEED:
        parser.error(f"--generations must be 20 or more, --seed from 0 to {LARGEST_SEED}")
    return given


def plan_of(given: argparse.Namespace, full_disks: int) -> Plan:
    return Plan(
        generations=given.generations,
        kills=given.kills,
        full_disks=full_disks,
        seed=given.seed,
        operations_per_second=given.operations_per_second,
    )


@contextmanager
def place_of(full_disks: int, logs: Path) -> Iterator[Place]:
    """On a disk of its own, where that is to be filled up."""
    with use_embedded(SERVERS) as embedded:
        if full_disks:
            with mounted() as disk:
                root = disk.folder / "projects"
                root.mkdir()
                yield Place(urls=embedded.urls, root=root, disk=disk, logs=logs)
        else:
            with tempfile.TemporaryDirectory(prefix="proof-files-") as folder:
                yield Place(urls=embedded.urls, root=Path(folder), disk=None, logs=logs)


class Clock:
    """Started when it is made."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def tell(self, sentence: str) -> None:
        sys.stdout.write(f"{time.monotonic() - self._since:7.1f} s  {sentence}\n")
        sys.stdout.flush()


async def interruptible(proving: Coroutine[Any, Any, None]) -> None:
    """Cancelled by a signal it ends what it has started."""
    task = asyncio.ensure_future(proving)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await task


def main() -> int:
    given = options_from(sys.argv[1:])
    setup_logging("WARNING", "auto")
    outcome = Outcome(seed=given.seed)
    if given.full_disks:
        outcome.left_out = why_not()
    full_disks = 0 if outcome.left_out else given.full_disks
    logs = Path(tempfile.mkdtemp(prefix="proof-files-logs-"))
    try:
        with place_of(full_disks, logs) as place:
            asyncio.run(interruptible(prove(place, plan_of(given, full_disks), outcome, Clock().tell)))
    except asyncio.CancelledError:
        sys.stdout.write("Interrupted: the account so far.\n")
    except OperatorError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    sys.stdout.writelines(f"{line}\n" for line in outcome.lines())
    if given.json:
        given.json.write_text(json.dumps(outcome.document(), indent=2) + "\n", encoding="utf-8")
    if outcome.violations:
        sys.stdout.write(f"The logs of the workers are in {logs}.\n")
        return RunFailed.exit_code
    shutil.rmtree(logs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
