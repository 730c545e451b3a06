"""`backfill preview` for a person: how long, how much, what it was tried on, and what to look at before a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.text import Text

from backfill.cli.output import duration, number
from backfill.cli.panel import pace_words
from backfill.cli.rows import print_facts, print_rows
from backfill.runs.forecast import Amount, Estimate, Forecast, Sample
from backfill.runs.limits import OTHERS
from backfill.runs.parameters import in_words, load_parameters
from backfill.runs.preview import Preview, Server, StatementPlan, TableSize, not_visible
from backfill.runs.wording import counted, ended

BEGINS_BESIDE_OTHERS = (
    "would begin now, at half a range and up from there; the forecast is for where nobody else is connected"
)
_UNITS = ("B", "KB", "MB", "GB", "TB")


def print_preview(console: Console, seen: Preview) -> None:
    console.print(Text.assemble((seen.backfill, "bold"), "  preview of a run"))
    print_facts(console, list(_facts(seen)))
    warnings = [f"{ended(caution.about)} {caution.remedy}".rstrip() for caution in seen.cautions]
    print_rows(console, [(Text("WARNING", style="yellow"), words) for words in warnings])
    if not seen.cautions:
        console.print("Nothing stands out that should be seen to before a run.")


def _facts(seen: Preview) -> Iterator[tuple[str, str]]:
    survey = seen.survey
    if seen.terms.parameters:
        yield "parameters", in_words(load_parameters(seen.terms.parameters))
    yield "to do", _amount(survey.amount)
    if seen.forecast is not None:
        yield from _forecast(seen.forecast)
    else:
        yield "takes", f"unknown: {seen.no_forecast}"
    yield "pace", ", ".join(pace_words(seen.pace))
    if seen.readings:
        yield "autopilot", "; ".join(_autopilot(seen))
    yield "sample", _sample(seen.sample) if seen.sample is not None else f"none: {seen.no_sample}"
    for table in survey.tables:
        yield "table", _table(table)
    yield "triggers", _triggers(survey.triggers)
    yield "plans", _plans(seen.statements)
    yield from _server(survey.server)


def _triggers(triggers: Sequence[tuple[str, bool]]) -> str:
    if disabled := [name for name, enabled in triggers if not enabled]:
        return f"disabled: {', '.join(disabled)}"
    return {0: "none is needed", 1: "the only one enabled"}.get(len(triggers), f"all {len(triggers)} enabled")


def _autopilot(seen: Preview) -> Iterator[str]:
    """What it would do now; the forecast is without its consideration for an application."""
    stops = [reading.sentence for reading in seen.readings if reading.stops]
    alone = any(reading.signal == OTHERS and reading.value == 0 for reading in seen.readings)
    begins = "would begin now, at once at full pace: nobody else is connected" if alone else BEGINS_BESIDE_OTHERS
    yield f"would not begin now: {', '.join(stops)}" if stops else begins
    yield from (reading.sentence for reading in seen.readings if reading.too_much and reading.warns)


def _amount(amount: Amount) -> str:
    about = "~" if amount.is_estimate else ""
    return (
        f"{about}{number(amount.rows_left)} of {about}{counted(amount.rows, 'row')} in "
        f"{about}{number(amount.units_left)} of {about}{counted(amount.units, 'unit')}"
        f" ({'estimated' if amount.is_estimate else 'counted'})"
    )


def _forecast(forecast: Forecast) -> Iterator[tuple[str, str]]:
    phases = ", ".join(f"{duration(getattr(forecast, name).middle)} {name}" for name in forecast.phases)
    yield "takes", f"{_span(forecast.seconds, duration)}: {phases}"
    if forecast.batch_rows:
        yield "speed", _speed(forecast)
    yield "WAL", "not measured" if forecast.wal_bytes is None else _span(forecast.wal_bytes, bytes_in_words)
    if forecast.growth_bytes is not None:
        yield "disk", f"{_span(forecast.growth_bytes, bytes_in_words)} more, until vacuum has made room for reuse"


def _speed(forecast: Forecast) -> str:
    words = (
        f"{number(round(forecast.rows_per_second))} rows/s, in batches of up to {counted(forecast.batch_rows, 'row')} "
        f"and {forecast.batch_ms:.0f} ms"
    )
    return words if forecast.gain is None else f"{words}; all lanes do {forecast.gain:.1f} times what one does"


def _sample(sample: Sample) -> str:
    batches = len(sample.alone) + len(sample.together)
    took = f"{counted(batches, 'batch')}, {counted(sample.rows, 'row')} in {sample.seconds:.1f} s, rolled back"
    words = [f"{took}: leaves {counted(sample.updates, 'dead row')} for vacuum"]
    if sample.commit_ms is not None:
        words.append(f"a commit takes {sample.commit_ms:.1f} ms")
    if sample.hot_share is not None:
        words.append(f"{sample.hot_share:.0%} HOT updates")
    if sample.wal_rows:
        words.append(f"{sample.wal_bytes / sample.wal_rows:.0f} bytes of WAL per row")
    return "; ".join(words)


def _table(table: TableSize) -> str:
    believed = "unknown to the planner" if table.believed_rows is None else f"~{number(table.believed_rows)}"
    return (
        f"{table.table}: {bytes_in_words(table.table_bytes)}, indexes {bytes_in_words(table.index_bytes)}, "
        f"rows {believed}, dead ~{number(table.dead_rows)}"
    )


def _plans(statements: tuple[StatementPlan, ...]) -> str:
    if not statements:
        return "none: there is no unit to ask about"
    asked = [plan for plan in statements if plan.why_not is None]
    scans = [plan.statement for plan in asked if plan.scans]
    words = f"{len(asked)} of {counted(len(statements), 'statement')} explained, "
    words += f"scans in {', '.join(scans)}" if scans else "no scan of a large table"
    return words + "; see --json for their steps"


def _server(server: Server) -> Iterator[tuple[str, str]]:
    settings = ", ".join(f"{name} {value or 'empty'}" for name, value in server.settings.items())
    yield "server", f"PostgreSQL {server.version} as {server.role}"
    yield "settings", settings
    archiving = {None: "off", True: "FAILS", False: "works"}[server.archiving_fails]
    yield "archiving", archiving
    if server.replicas is None:
        yield "replicas", "not visible"
    else:
        yield "replicas", "; ".join(f"{one.name} {one.state}" for one in server.replicas) or "none"
    slots = [f"{slot.name} ({slot.kind}, {'active' if slot.active else 'inactive'})" for slot in server.slots]
    yield "slots", "; ".join(slots) or "none"
    oldest = "; ".join(f"{held.what}, {duration(held.seconds or 0)}" for held in server.snapshots[:2]) or "none"
    yield "snapshots", f"{oldest}{'' if not not_visible(server) else '; of other roles: not visible'}"


def _span(estimate: Estimate, words: Callable[[float], str]) -> str:
    return f"{words(estimate.low)} to {words(estimate.high)}, most likely {words(estimate.middle)}"


def bytes_in_words(value: float) -> str:
    unit = 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 or value >= 100 else f"{value:.1f} {_UNITS[unit]}"
