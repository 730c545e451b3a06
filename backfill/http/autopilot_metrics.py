"""What the autopilot sees, as gauges: the lanes that it allows, and of every signal value, limit and whether it stops.

There are samples only while the autopilot looks: what was read some time ago is not the state of a database. Where
there is more than one server, each sample has the names of its databases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from backfill.runs.readings import Reading
from backfill.runs.servers import all_shown
from backfill.store.board import Seen

LABELS = ("signal", "about")


class AutopilotCollector(Collector):
    """One reading of all boards, by the databases of each server, as metric families; made for one answer."""

    def __init__(self, seen: Seen) -> None:
        self._labels = ("server",) if len(seen) > 1 else ()
        self._seen = [
            ((all_shown(server),) if self._labels else (), published.document)
            for server, published in seen.items()
            if published.is_fresh
        ]

    def collect(self) -> Iterator[Metric]:
        lanes = GaugeMetricFamily(
            "backfill_autopilot_lanes",
            "Ranges at once that the autopilot allows now, over all runs; 0.5 rests half.",
            labels=self._labels,
        )
        for server, document in self._seen:
            lanes.add_metric(server, 0.0 if document.get("stops") else document["effort"])
        yield lanes
        yield self._of_signals(
            "backfill_signal_value", "What was read last, in the signal's own unit.", lambda one: one.value
        )
        yield self._of_signals("backfill_signal_limit", "What it may be at most.", lambda one: one.limit)
        yield self._of_signals(
            "backfill_signal_stops", "1 while it stops all work, also because it cannot be read.", _stops
        )

    def _of_signals(self, name: str, says: str, value_of: Callable[[Reading], float | None]) -> Metric:
        family = GaugeMetricFamily(name, says, labels=[*self._labels, *LABELS])
        for server, document in self._seen:
            for reading in (Reading.of(one) for one in document.get("readings", [])):
                value = value_of(reading)
                if value is not None:
                    family.add_metric([*server, reading.signal, reading.about], value)
        return family


def _stops(reading: Reading) -> float:
    return float(reading.stops)
