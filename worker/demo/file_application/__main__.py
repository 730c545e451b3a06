"""The file application as a process of its own.

It says on standard output, as JSON lines, when it has `started` and with which account it has `stopped`, which it does
at the end of its input or on SIGTERM. `--ledger` names a file for what every generation's files have to hold by then.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from backfill.runs.errors import OperatorError, SettingsError
from worker.demo.file_application.application import FileApplication, FileTraffic


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        traffic = FileTraffic(
            root=options.root,
            share=options.share,
            shares=options.shares,
            connections=options.connections,
            operations_per_second=options.operations_per_second,
            writes_percent=options.writes_percent,
            seed=options.seed,
        )
        ledger = asyncio.run(_run(_database_url(environment), traffic))
    except OperatorError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    if options.ledger is not None:
        options.ledger.write_text(json.dumps(ledger), encoding="utf-8")
    return 0


async def _run(database_url: str, traffic: FileTraffic) -> dict[str, Any]:
    """The ledger as it is in the end."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, over.set)
    application = FileApplication(database_url, traffic)
    async with application:
        _say({"event": "started", "generations": len(application.ledger.known)})
        # A thread, because a file or a terminal as standard input cannot be waited for by the event loop.
        threading.Thread(target=_wait_for_end_of_input, args=(loop, over), daemon=True).start()
        await over.wait()
    _say({"event": "stopped", "account": application.account.document()})
    return application.ledger.document()


def _wait_for_end_of_input(loop: asyncio.AbstractEventLoop, over: asyncio.Event) -> None:
    for _ in sys.stdin:
        continue
    try:
        loop.call_soon_threadsafe(over.set)
    except RuntimeError:  # the loop is closed: the process is ending anyway
        return


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(message)}\n")
    sys.stdout.flush()


def _database_url(environment: Mapping[str, str]) -> str:
    if url := environment.get("DATABASE_URL"):
        return url
    raise SettingsError("DATABASE_URL is not set.", "It holds the URL of the application's database.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m worker.demo.file_application", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--root", type=Path, required=True, help="the folder with the files")
    parser.add_argument("--share", type=int, default=0)
    parser.add_argument("--shares", type=int, default=1)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--operations-per-second", type=float, default=100.0, help="0: as fast as it can")
    parser.add_argument("--writes-percent", type=float, default=25.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ledger", type=Path, help="a file to leave the ledger in")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
