"""`backfill report`: what a run did, and the proof that its ranges left nothing out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from backfill.cli.options import Json, RunId
from backfill.cli.output import answer_console, duration, number, write_json
from backfill.cli.rows import print_facts, print_rows
from backfill.cli.steering import with_runs
from backfill.runs.report import COUNTS
from backfill.runs.wording import counted

COLUMNS = ("range", "units", "rows", "written", "skipped", "checked", "is")
SHOWN = (*COUNTS[:3], "skipped", COUNTS[3])
UNKNOWN = "-"
ASKED = ("state", "pace", "note")


def report(run: RunId = None, json: Json = False) -> None:
    """Show what a run did, range by range, who asked for what, and the proof that its ranges left nothing out."""
    document = with_runs(lambda runs: runs.report(run))
    if json:
        write_json(document)
        return
    console = answer_console()
    about = document["run"]
    console.print(Text.assemble((about["backfill"], "bold"), "  run ", about["id"], "  ", about["state"]))
    print_facts(console, list(_facts(document)))
    coverage = document["coverage"]
    if coverage["ranges"]:
        header = [Text(name, style="dim") for name in COLUMNS]
        print_rows(console, [header, *map(_row, coverage["ranges"]), _total(coverage)], right=tuple(range(6)))


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (str(one["range"]), *(_shown(one[name]) for name in SHOWN), one["stage"] or "gone")


def _total(coverage: Mapping[str, Any]) -> tuple[str, ...]:
    return ("all", *(_shown(coverage["totals"][name]) for name in SHOWN), "")


def _shown(count: int | None) -> str:
    return UNKNOWN if count is None else number(count)


def _facts(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from _coverage(document["coverage"])
    yield from _checks(document["checks"])
    yield "took", ", ".join(f"{name} {duration(of)}" for name, of in document["durations"].items() if of)
    if (wal := document["wal_bytes"]) is not None:
        yield "WAL", f"{number(wal)} bytes were written by everybody on the server since the run was planned"
    for place, event in enumerate(_asked(document)):
        yield "" if place else "asked", f"{event['at'][:19].replace('T', ' ')} {event['sentence']}"
    if not document["events_complete"]:
        yield "", "The oldest events are not kept any more."


def _coverage(coverage: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "coverage", f"{coverage['state']}: {coverage['sentence']}"
    for broken in coverage["breaks"][1:]:
        yield "", broken
    if coverage["counts_agree"] is False:
        yield "counts", "The ranges add up to something else than the run says of itself."
    if coverage["totals"]["units"] is None:
        yield "counts", "Some range has none: a worker of an older release began it, or its record is gone."


def _checks(checks: Sequence[Mapping[str, Any]] | None) -> Iterator[tuple[str, str]]:
    if checks is None:
        return
    broken = [check for check in checks if check["count"]]
    yield "checks", f"{counted(len(checks), 'rule')}, {counted(len(broken), 'broken one')}"
    for check in broken:
        yield "", f"{check['severity'].upper()} {check['rule']}: {number(check['count'])}"


def _asked(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What people asked for; what the engine did by itself is in the events."""
    events = [event for event in document["events"] if event["kind"] in ASKED]
    return [event for event in events if event["about"].get("who") not in (None, "", "engine")]
