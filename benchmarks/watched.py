"""What the benchmarks of an application at work share: their options, and how its transactions are shown."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from worker.demo.old_application import PhaseSummary, Traffic
from worker.demo.old_data import OldDataShape

WARM_UP_SECONDS = 5.0
HEADINGS = ("transactions", "errors", "p50, ms", "p99, ms", "longest, ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`alone_seconds`: how long the application is measured by itself."""

    shape: OldDataShape
    traffic: Traffic
    alone_seconds: float
    as_json: bool


def options_from(arguments: Sequence[str], description: str | None) -> Options:
    shape = OldDataShape()
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generations", type=int, default=shape.generations, help="default: %(default)s")
    parser.add_argument("--projects", type=int, default=shape.projects, help="default: %(default)s")
    parser.add_argument("--connections", type=int, default=4, help="of the application, default: %(default)s")
    parser.add_argument("--transactions-per-second", type=float, default=100.0, help="default: %(default)s")
    parser.add_argument("--deletes-percent", type=float, default=0.0, help="default: %(default)s; each reads the table")
    parser.add_argument("--alone-seconds", type=float, default=30.0, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON document on stdout")
    given = parser.parse_args(arguments)
    return Options(
        shape=OldDataShape(projects=given.projects, generations=given.generations),
        traffic=Traffic(
            connections=given.connections,
            transactions_per_second=given.transactions_per_second,
            deletes_percent=given.deletes_percent,
        ),
        alone_seconds=given.alone_seconds,
        as_json=given.as_json,
    )


def cells(phase: PhaseSummary) -> list[str]:
    """One for each of the `HEADINGS`."""
    counts = [f"{phase.transactions:,}", f"{phase.errors + phase.missed:,}"]
    return counts + [f"{ms:.1f}" if ms is not None else "-" for ms in (phase.p50_ms, phase.p99_ms, phase.max_ms)]
