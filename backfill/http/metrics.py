"""`GET /metrics` for Prometheus: every number is read from Redis when it is asked for.

Nothing is counted in this process, so that any number of services say the same and a restart loses nothing. The
labels are the backfill's name and what has few values: never a run, which would make a new series for each.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from fastapi import APIRouter
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from backfill.http.access import Reader
from backfill.http.autopilot_metrics import AutopilotCollector
from backfill.http.depends import OpenService
from backfill.http.documents import problems
from backfill.http.patience import within
from backfill.queue import queue_name
from backfill.runs.errors import RedisUnreachable
from backfill.runs.states import State
from backfill.store.board import Boards, Seen
from backfill.store.metrics import BackfillMetrics, Metrics, read_metrics
from backfill.wiring import Service

PATIENCE_SECONDS = 2.0

_SHOWN: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The exposition, in the format that `Accept` asks for.",
        "content": {
            media_type: {"schema": {"type": "string"}, "example": "backfill_workers_alive 2.0\n"}
            for media_type in ("text/plain", "application/openmetrics-text")
        },
    }
}

Family = type[CounterMetricFamily] | type[GaugeMetricFamily]
ValueOf = Callable[[BackfillMetrics], float | None]
ValuesOf = Callable[[BackfillMetrics], Mapping[str, float]]

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    summary="Counters and gauges for Prometheus",
    response_class=Response,
    responses={**_SHOWN, **problems(401, 429, 503)},
)
async def show_metrics(request: Request, service: OpenService, _caller: Reader) -> Response:
    registry = CollectorRegistry()
    metrics, seen = await _read(service)
    registry.register(BackfillCollector(metrics))
    registry.register(AutopilotCollector(seen))
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(registry), headers={"Content-Type": content_type})


async def _read(service: Service) -> tuple[Metrics, Seen]:
    prefix = service.settings.redis_prefix
    try:
        backfills = sorted(service.control.backfills)
        reading = read_metrics(service.redis, prefix=prefix, queue=queue_name(prefix), backfills=backfills)
        return await within(PATIENCE_SECONDS, _both(reading, Boards(service.redis, prefix=prefix)))
    except TimeoutError as error:
        raise RedisUnreachable(
            f"Redis has not answered within {PATIENCE_SECONDS:g} seconds.", "Check REDIS_URL and the server."
        ) from error


async def _both(reading: Awaitable[Metrics], boards: Boards) -> tuple[Metrics, Seen]:
    return await reading, await boards.read_all()


class BackfillCollector(Collector):
    """One reading as metric families; made for one answer."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from (self._plain(CounterMetricFamily, *shown) for shown in _COUNTERS)
        yield self._batch_durations()
        yield from (self._plain(GaugeMetricFamily, *shown) for shown in _GAUGES)
        yield from (self._by_label(*shown) for shown in _BY_LABEL)
        yield GaugeMetricFamily(
            "backfill_queue_depth",
            "Slices of work that were rung for and are not done, over all backfills.",
            value=self._metrics.queue_depth,
        )
        yield GaugeMetricFamily(
            "backfill_workers_alive",
            "Worker processes that have said lately that they are alive.",
            value=self._metrics.workers_alive,
        )

    def _plain(self, kind: Family, name: str, says: str, value_of: ValueOf) -> Metric:
        """One number for each backfill, and no sample where it is not known."""
        family = kind(name, says, labels=["backfill"])
        for one in self._metrics.backfills:
            value = value_of(one)
            if value is not None:
                family.add_metric([one.backfill], value)
        return family

    def _by_label(self, kind: Family, name: str, says: str, label: str, values_of: ValuesOf) -> Metric:
        family = kind(name, says, labels=["backfill", label])
        for one in self._metrics.backfills:
            for value_of_label, value in values_of(one).items():
                family.add_metric([one.backfill, value_of_label], value)
        return family

    def _batch_durations(self) -> Metric:
        family = HistogramMetricFamily(
            "backfill_batch_duration_seconds",
            "How long a batch took: one transaction that wrote rows, from its begin to its commit.",
            labels=["backfill"],
        )
        for one in self._metrics.backfills:
            family.add_metric([one.backfill], one.batch_buckets, sum_value=one.batch_seconds)
        return family


def _states(one: BackfillMetrics) -> Mapping[str, float]:
    return {state.value: float(one.run is not None and one.run.state is state) for state in State}


_COUNTERS: tuple[tuple[str, str, ValueOf], ...] = (
    ("backfill_rows_written", "Rows written, over all runs.", lambda one: one.rows_written),
    (
        "backfill_rows_passed",
        "Rows that the cursors have passed, written or found in order, over all runs.",
        lambda one: one.rows_passed,
    ),
    ("backfill_batches", "Batches that wrote rows, over all runs.", lambda one: one.batches),
)
_GAUGES: tuple[tuple[str, str, ValueOf], ...] = (
    (
        "backfill_remaining_rows",
        "Rows that the active run has not passed yet. No sample without an active run that is planned.",
        lambda one: one.run.remaining_rows if one.run else None,
    ),
    (
        "backfill_remaining_units",
        "Units that the active run has not passed yet. No sample without an active run that is planned.",
        lambda one: one.run.remaining_units if one.run else None,
    ),
    (
        "backfill_contended_units",
        "Units that are put aside, to be tried again, in the active run or else the last.",
        lambda one: one.run.contended if one.run else 0,
    ),
    (
        "backfill_quarantined_units",
        "Units that keep failing and wait for an operator, in the active run or else the last.",
        lambda one: one.run.quarantined if one.run else 0,
    ),
    (
        "backfill_outside_window",
        "1 while the active run is outside its window, so that nobody works on it.",
        lambda one: float(one.run is not None and one.run.outside_window),
    ),
    (
        "backfill_last_progress_timestamp_seconds",
        "When a cursor last moved; 0 if none ever has.",
        lambda one: one.last_progress_seconds,
    ),
)
_BY_LABEL: tuple[tuple[Family, str, str, str, ValuesOf], ...] = (
    (
        CounterMetricFamily,
        "backfill_throttled_seconds",
        "Time for which ranges were held back, over all ranges and runs.",
        "reason",
        lambda one: one.throttled_seconds,
    ),
    (
        CounterMetricFamily,
        "backfill_runs_ended",
        "Runs that came to an end, each time that they did: a run that is retried ends again.",
        "state",
        lambda one: {state.value: float(count) for state, count in one.runs_ended.items()},
    ),
    (GaugeMetricFamily, "backfill_run_state", "1 for the state of the active run or else the last.", "state", _states),
)
