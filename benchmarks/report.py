"""Runs the benchmarks one after the other, at sizes that take less than half an hour, and writes what came of it.

One table of what was measured, what it is to be, and whether it is: in benchmarks/results.json, of which `make docs`
makes the table in docs/scaling.md, and as Markdown on stdout. Everything is a ratio within one run, or a size: seconds
of one machine say nothing about another. A benchmark that cannot be run here is named with its reason.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.databases import ROOT

RESULTS = Path(__file__).with_name("results.json")
# Without a number that is to be reached, in their own words.
LINES_KEPT = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A benchmark and its size, `{share}` of what the numbers say; `tells` goals as JSON, or else in words."""

    name: str
    sizes: Mapping[str, int]
    tells_goals: bool = True
    more: Sequence[str] = ()

    def command(self, share: float) -> list[str]:
        sizes = [f"--{option}={max(round(size * share), 1)}" for option, size in self.sizes.items()]
        told = ["--json"] if self.tells_goals else []
        return [sys.executable, "-m", f"benchmarks.{self.name}", *sizes, *told, *self.more]


STEPS = (
    Step(name="throughput", sizes={"generations": 200_000, "projects": 20_000}, more=("--repeat=3",)),
    Step(name="columns", sizes={"rows": 1_000_000}),
    Step(name="peers", sizes={"rows": 200_000, "peer-rows": 20_000}),
    Step(name="impact", sizes={"generations": 120_000, "projects": 12_000}),
    Step(name="surge", sizes={"generations": 500_000, "projects": 50_000}),
    Step(name="scaling", sizes={"generations": 1_000_000, "projects": 100_000}),
    Step(name="steadiness", sizes={"generations": 100_000, "projects": 5_000}, tells_goals=False),
    Step(name="preview", sizes={"generations": 100_000, "projects": 10_000}, tells_goals=False),
    Step(name="calls", sizes={"rows": 2_000, "quick-rows": 20_000}, tells_goals=False),
    Step(name="watchers", sizes={"watchers": 200}, tells_goals=False),
    Step(name="migration", sizes={"generations": 100_000, "projects": 10_000}, tells_goals=False),
)


def taken(step: Step, share: float) -> dict[str, Any]:
    """What one benchmark said, in a process of its own: none leaves the next one anything."""
    began = time.monotonic()
    done = subprocess.run(step.command(share), cwd=ROOT, capture_output=True, text=True, check=False)
    told: dict[str, Any] = {"name": step.name, "seconds": round(time.monotonic() - began)}
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or [f"it ended with {done.returncode}"]
        return told | {"skipped": last[0].removeprefix("error: ").replace(f"{ROOT}/", "")}
    if step.tells_goals:
        return told | {"goals": json.loads(done.stdout)["goals"]}
    return told | {"lines": done.stdout.rstrip().splitlines()[-LINES_KEPT:]}


def markdown(results: Mapping[str, Any]) -> str:
    """The table, those that were skipped, and where it was measured."""
    lines = ["| what | measured | goal | met | by |", "|---|---|---|---|---|"]
    for step in results["benchmarks"]:
        lines += [_row(step["name"], goal) for goal in step.get("goals", ())]
    skipped = [f"`{one['name']}` was left out: {one['skipped']}" for one in results["benchmarks"] if "skipped" in one]
    where = (
        f"Measured on {results['on']}, {results['cores']} cores, Python {results['python']}, on {results['at']}, with"
        f" {results['share']:g} of the rows. {results['load']:.1f} processes were at work there before it began."
    )
    return "\n".join([*lines, "", " ".join([where, *skipped])])


def _row(name: str, goal: Mapping[str, Any]) -> str:
    met = {True: "yes", False: "**no**", None: ""}[goal["met"]]
    return f"| {goal['what']} | {goal['value']:.2f} | {goal['wanted']} | {met} | `benchmarks.{name}` |"


def report(steps: Iterable[Step], share: float, cores: int) -> dict[str, Any]:
    found, load = list[dict[str, Any]](), os.getloadavg()[0]
    for step in steps:
        print(f"{step.name} ...", file=sys.stderr, flush=True)
        found.append(taken(step, share))
        print(f"{step.name}: {found[-1]['seconds']} s", file=sys.stderr, flush=True)
    return {
        "at": datetime.now(UTC).date().isoformat(),
        "on": platform.system(),
        "cores": cores,
        "load": round(load, 1),
        "python": platform.python_version(),
        "share": share,
        "benchmarks": found,
    }


def options_from(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [step.name for step in STEPS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--share", type=float, default=1.0, help="of the rows, to try it out; default: %(default)s")
    parser.add_argument(
        "--results", type=Path, default=RESULTS, metavar="FILE", help="default: results.json beside this"
    )
    parser.add_argument(
        "--peer-python", type=Path, metavar="FILE", help="for peers: 3.12 or newer; default: one that is on the PATH"
    )
    return parser.parse_args(arguments)


def steps_of(given: argparse.Namespace) -> list[Step]:
    named = () if given.peer_python is None else (f"--peer-python={given.peer_python}",)
    return [replace(one, more=named) if one.name == "peers" else one for one in STEPS if one.name in given.only]


def main() -> int:
    given = options_from(sys.argv[1:])
    results = report(steps_of(given), given.share, os.cpu_count() or 1)
    given.results.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(markdown(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
