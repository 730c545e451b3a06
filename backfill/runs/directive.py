"""What the autopilot lets runs do now, as the monitor publishes it, and what its operators have said to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backfill.runs.readings import Reading

# So long is what the monitor has published believed; then nobody works.
FRESH_MS = 3_000
# A monitor that has gone silent for so long loses its role to another worker.
ROLE_MS = 3_000


# By the signals that it is read from, and their unit.
CHARTED = {
    "latency": (("latency",), "times"),
    "lag": (("standbys", "slots"), "bytes"),
    "wal": (("wal",), "bytes per second"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What was published at one moment, in short: `values` are value and limit by the names of CHARTED."""

    at_ms: int
    effort: float
    stopped: str
    values: Mapping[str, tuple[float, float | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A reading that holds the work up, since when."""

    reading: Reading
    since_ms: int

    def document(self) -> dict[str, Any]:
        return {**self.reading.document(), "name": self.reading.name, "since_ms": self.since_ms}


@dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    """`effort` is in lanes for all runs together, `runs` how many share it. For `quiet_ms` no batch is begun.
    A batch takes `batch_ms` at most; 0: as the pace says, with nobody there to be considerate of.

    `slowdown` is what the application's small statements are believed to take now, to what they take alone.
    """

    effort: float
    runs: int
    slowdown: float | None = None
    alone_ms: float | None = None
    quiet_ms: int = 0
    batch_ms: int = 0
    stops: Sequence[Stopped] = ()
    readings: Sequence[Reading] = ()

    @property
    def share(self) -> float:
        """Lanes of one run."""
        return self.effort / max(self.runs, 1)

    @property
    def stopped_by(self) -> str:
        """The oldest stop in words; empty where nothing stops."""
        first = min(self.stops, key=lambda stop: stop.since_ms, default=None)
        return first.reading.sentence if first else ""

    @property
    def stopped_signal(self) -> str:
        first = min(self.stops, key=lambda stop: stop.since_ms, default=None)
        return first.reading.signal if first else ""

    @property
    def charted(self) -> dict[str, tuple[float, float | None]]:
        """Value and limit of what is drawn over time: of several, the one that is nearest to its limit."""
        found: dict[str, tuple[float, float | None]] = {}
        for name, (signals, unit) in CHARTED.items():
            alike = [one for one in self.readings if one.signal in signals and one.unit == unit]
            known = [(one.share, one.value, one.limit) for one in alike if one.value is not None]
            if known:
                _, value, limit = max(known, key=lambda one: one[:2])
                found[name] = (value, limit)
        return found

    def document(self) -> dict[str, Any]:
        return {
            "effort": round(self.effort, 3),
            "runs": self.runs,
            "slowdown": None if self.slowdown is None else round(self.slowdown, 3),
            "alone_ms": None if self.alone_ms is None else round(self.alone_ms, 3),
            "charted": self.charted,
            "batch_ms": self.batch_ms,
            "stops": [stop.document() for stop in self.stops],
            "readings": [reading.document() for reading in self.readings],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchedOff:
    """A signal that is not looked at, by whom, why, and until when; `until_ms` 0: until it is switched on."""

    signal: str
    by: str
    note: str
    until_ms: int

    def holds(self, now_ms: int) -> bool:
        return self.until_ms == 0 or now_ms < self.until_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Given to one monitor of a server at a time: the runs there that go by the autopilot, with the lanes that each may
    have; limits by name, switches.

    `effort` is what was published last, for a monitor that takes over; None where that is long ago. `databases` are
    those that the runs are on, `here` all of that server; '' is DATABASE_URL.
    """

    now_ms: int
    lanes: Mapping[str, int]
    limits: Mapping[str, float] = field(default_factory=dict)
    off: Sequence[SwitchedOff] = ()
    effort: float | None = None
    databases: tuple[str, ...] = ("",)
    here: tuple[str, ...] = ("",)
