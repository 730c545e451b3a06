"""What the autopilot sees, as gauges: the lanes that it allows, and of every signal value, limit and whether it stops.

There are samples only while the autopilot looks: what was read some time ago is not the state of a database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from backfill.runs.readings import Reading
from backfill.store.board import Published

LABELS = ("signal", "about")


class AutopilotCollector(Collector):
    """One reading of the board as metric families; made for one answer."""

    def __init__(self, published: Published) -> None:
        self._document = published.document if published.is_fresh else {}
        self._readings = [Reading(**reading) for reading in self._document.get("readings", [])]

    def collect(self) -> Iterator[Metric]:
        lanes = GaugeMetricFamily(
            "backfill_autopilot_lanes", "Ranges at once that the autopilot allows now, over all runs; 0.5 rests half."
        )
        if self._document:
            lanes.add_metric([], 0.0 if self._document.get("stops") else self._document["effort"])
        yield lanes
        yield self._of_signals(
            "backfill_signal_value", "What was read last, in the signal's own unit.", lambda one: one.value
        )
        yield self._of_signals("backfill_signal_limit", "What it may be at most.", lambda one: one.limit)
        yield self._of_signals(
            "backfill_signal_stops", "1 while it stops all work, also because it cannot be read.", _stops
        )

    def _of_signals(self, name: str, says: str, value_of: Callable[[Reading], float | None]) -> Metric:
        family = GaugeMetricFamily(name, says, labels=LABELS)
        for reading in self._readings:
            value = value_of(reading)
            if value is not None:
                family.add_metric([reading.signal, reading.about], value)
        return family


def _stops(reading: Reading) -> float:
    return float(reading.stops)
