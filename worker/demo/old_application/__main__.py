"""The old application as a process of its own, so that nothing else slows its event loop down.

It is told what to do by lines on standard input, and answers with one JSON object per line on standard output:

    phase NAME    from now on count under NAME; answers with the summary of the phase that ends
    rate NUMBER   from now on so many transactions per second; answers with the number
    summary       answers with the summary of the present phase

At the end of the input or on SIGTERM it stops and answers with the summaries of all phases.
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
from typing import Any

from backfill.runs.errors import OperatorError, SettingsError
from worker.demo.old_application.application import OldApplication, Traffic


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        traffic = Traffic(
            connections=options.connections,
            transactions_per_second=options.transactions_per_second,
            deletes_percent=options.deletes_percent,
            seed=options.seed,
        )
        asyncio.run(_run(_database_url(environment, options.database_url_env), traffic, options.phase))
    except OperatorError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


async def _run(database_url: str, traffic: Traffic, first_phase: str) -> None:
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, lines.put_nowait, None)
    application = OldApplication(database_url, traffic, phase=first_phase)
    async with application:
        _say({"event": "started", "phase": first_phase})
        # A thread, because a file or a terminal as standard input cannot be waited for by the event loop.
        threading.Thread(target=_read_lines, args=(loop, lines), daemon=True).start()
        while (line := await lines.get()) is not None:
            _obey(application, line)
    _say({"event": "stopped", "summaries": [summary.to_json() for summary in application.summaries()]})


def _obey(application: OldApplication, line: str) -> None:
    match line.split():
        case ["phase", name]:
            ended = application.summary()
            application.phase(name)
            _say({"event": "phase", "phase": name, "summary": ended.to_json()})
        case ["rate", number] if number.isdecimal():
            application.rate(int(number))
            _say({"event": "rate", "per_second": int(number)})
        case ["summary"]:
            _say({"event": "summary", "summary": application.summary().to_json()})
        case []:
            pass
        case _:
            sys.stderr.write("error: Not understood; there are `phase NAME`, `rate NUMBER` and `summary`.\n")


def _read_lines(loop: asyncio.AbstractEventLoop, lines: asyncio.Queue[str | None]) -> None:
    try:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, None)
    except RuntimeError:
        # The loop is closed: the process is ending anyway.
        return


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(message)}\n")
    sys.stdout.flush()


def _database_url(environment: Mapping[str, str], name: str) -> str:
    if url := environment.get(name):
        return url
    raise SettingsError(f"{name} is not set.", "It holds the URL of the application's database.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m worker.demo.old_application", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--database-url-env", metavar="NAME", default="DATABASE_URL", help="variable with the URL")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--transactions-per-second", type=float, default=100.0, help="0: as fast as it can")
    parser.add_argument("--deletes-percent", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--phase", default="before", help="the first phase")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
