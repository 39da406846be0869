"""Metrics: what a worker counted and what its servers hold, in the form of Prometheus.

Every name and label is in docs/metrics.md. Labels take values of our own only: lanes, kinds of document, sections.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping

import psycopg
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

from projector import __version__
from projector.errors import ProjectorError
from projector.names import DOCUMENTS
from projector.redis_server import FAILURES
from projector.settings import Settings
from projector.status import Status, read_status
from projector.tally import Buckets, Tally, Totals, cumulate
from projector.worker import Worker

LOOK_SECONDS = 5.0
"""A server that does not answer for so long is away, as far as a scrape is concerned."""
FRESH_SECONDS = 1.0
"""Scrapes that follow each other so closely share one look at the servers."""


class WorkerMetrics:
    """One worker's metrics. The servers are asked when somebody scrapes, on connections of their own, so that a worker
    which cannot connect tells what is the matter, too."""

    def __init__(self, settings: Settings, worker: Worker) -> None:
        self._settings = settings
        self._worker = worker
        self._lock = asyncio.Lock()
        self._looked_at = -FRESH_SECONDS
        self._status: Status | None = None
        self._registry = CollectorRegistry()
        self._registry.register(_Collector(self))
        ProcessCollector(registry=self._registry)

    async def scrape(self) -> bytes:
        """The text of all metrics."""
        async with self._lock:
            if time.monotonic() - self._looked_at >= FRESH_SECONDS:
                self._status = await self._look()
                self._looked_at = time.monotonic()
            return generate_latest(self._registry)

    async def _look(self) -> Status | None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                return await read_status(self._settings)
        except (ProjectorError, psycopg.Error, *FAILURES):
            return None

    def collect(self) -> Iterator[Metric]:
        worker = self._worker
        yield _gauge("info", "The program that answers.", 1, {"version": __version__})
        yield _gauge("connected", "Whether this worker works, connected to both servers.", worker.is_connected)
        yield _gauge(
            "heartbeat_age_seconds", "Seconds since the newest heartbeat was seen in Redis.", worker.pulse.age_seconds
        )
        yield from _counted(worker.tally)
        yield _gauge("database_up", "Whether PostgreSQL answered this scrape.", self._status is not None)
        if self._status is not None:
            yield from _seen(self._status)


class _Collector(Collector):
    def __init__(self, metrics: WorkerMetrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics.collect()


def _counted(tally: Tally) -> Iterator[Metric]:
    """What this worker did since it began."""
    lanes = {"live": tally.live, "beside": tally.beside, "backlog": tally.backlog}
    yield _counter("events", "Change events published and acknowledged.", tally.live.events)
    yield _by_lane("batches", "Batches acknowledged.", {lane: it.batches for lane, it in lanes.items()})
    yield _published(lanes)
    yield _by_lane(
        "documents_degraded", "Documents published with a section that could not be built.",
        {lane: it.degraded for lane, it in lanes.items()},
    )  # fmt: skip
    yield _by_lane(
        "sections_failed", "Sections of documents that could not be built.",
        {lane: it.failed for lane, it in lanes.items()},
    )  # fmt: skip
    lag = HistogramMetricFamily(
        "projector_lag_seconds",
        "From a change event being written in its transaction, or a document being left to others, to publish.",
        labels=["lane"],
    )
    for lane in ("live", "beside"):
        lag.add_metric([lane], *_buckets(lanes[lane].lag))
    yield lag
    yield from _sections(tally)
    wakeups = CounterMetricFamily("projector_wakeups", "How a sleeping worker was woken.", labels=["cause"])
    wakeups.add_metric(["notified"], tally.notified)
    wakeups.add_metric(["polled"], tally.polled)
    yield wakeups
    yield _counter("reconnects", "Sessions begun after the first.", max(0, tally.sessions - 1))
    yield _counter("timers_fired", "Timers that fell due.", tally.timers_fired)
    yield _counter("audited_documents", "Documents that the audit compared.", tally.compared)
    yield _counter("drift_found", "Differences that the audit found.", tally.drift_found)
    yield _counter("drift_repaired", "Differences that the audit mended.", tally.drift_repaired)


def _published(lanes: Mapping[str, Totals]) -> Metric:
    family = CounterMetricFamily(
        "projector_documents_published",
        "Documents written to Redis: with changed bytes, the same bytes, or fenced off as older.",
        labels=["lane", "result"],
    )
    for lane, totals in lanes.items():
        family.add_metric([lane, "changed"], totals.changed)
        family.add_metric([lane, "unchanged"], totals.unchanged)
        family.add_metric([lane, "fenced"], totals.fenced)
    return family


def _sections(tally: Tally) -> Iterator[Metric]:
    built = CounterMetricFamily("projector_sections_built", "Sections built.", labels=["document", "section"])
    seconds = SummaryMetricFamily(
        "projector_section_build_seconds",
        "What PostgreSQL took for a section of one document, of batches timed now and then.",
        labels=["document", "section"],
    )
    for place, totals in sorted(tally.sections.items()):
        built.add_metric(place, totals.built)
        seconds.add_metric(place, totals.timed, totals.seconds)
    yield built
    yield seconds


def _seen(status: Status) -> Iterator[Metric]:
    """What the servers hold, the same for every worker."""
    yield _gauge("workers", "Workers connected to PostgreSQL, whoever they are.", status.workers)
    yield _gauge("outbox_events", "Committed change events that are not published yet.", status.events_waiting)
    yield _gauge(
        "outbox_oldest_event_seconds", "Age of the oldest of them; 0 where there is none.", status.oldest_event_seconds
    )
    yield _by_document("backlog_documents", "Rows of the backlog, by kind of document.", status.backlog)
    yield _gauge("backlog_fanouts", "Fan-outs that are not resolved into documents yet.", status.fanouts_waiting)
    if status.draining is None or status.draining.seconds_left is not None:
        left = status.draining.seconds_left if status.draining else 0
        yield _gauge("backlog_remaining_seconds", "When the backlog is likely to be done; absent while unknown.", left)
    yield _by_document(
        "rebuilding", "Whether all documents of a kind are being built.", dict.fromkeys(status.rebuilding, 1)
    )
    yield _gauge("dead_letters", "Sections of documents that cannot be built.", status.dead_letters)
    yield _gauge("broken_sections", "Sections that are broken as a whole.", len(status.broken))
    yield _gauge("trigger_faults", "Triggers that are disabled or missing.", len(status.trigger_faults))
    yield _gauge("capture_faults", "Tables of which no trigger can tell what changed.", len(status.capture_faults))
    yield _gauge("capture_paused", "Whether capture is paused.", status.paused_at is not None)
    yield _gauge("problems", "Problems that projector status prints.", len(status.problems))
    yield _gauge("redis_up", "Whether Redis answered this scrape.", status.redis_reachable)
    if status.redis_reachable:
        yield _by_document("built", "Whether all documents of a kind were ever built.", status.built)
        yield _gauge("timers", "Sections that time alone will change.", status.timers)
        yield _gauge("timers_due", "Those whose moment has come.", status.timers_due)


def _gauge(name: str, help_: str, value: float | None, labels: Mapping[str, str] | None = None) -> Metric:
    family = GaugeMetricFamily(f"projector_{name}", help_, labels=list(labels or ()))
    family.add_metric(list((labels or {}).values()), float(value or 0))
    return family


def _counter(name: str, help_: str, value: int) -> Metric:
    return CounterMetricFamily(f"projector_{name}", help_, value=value)


def _by_lane(name: str, help_: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"projector_{name}", help_, labels=["lane"])
    for lane, value in values.items():
        family.add_metric([lane], value)
    return family


def _by_document(name: str, help_: str, values: Mapping[str, int]) -> Metric:
    """All kinds of document, those with nothing too: a series that vanishes is none that fell to 0."""
    family = GaugeMetricFamily(f"projector_{name}", help_, labels=["document"])
    for document in DOCUMENTS:
        family.add_metric([document], values.get(document, 0))
    return family


def _buckets(counted: Buckets) -> tuple[list[tuple[str, float]], float]:
    """The arguments of a histogram."""
    return cumulate(counted.bounds, counted.counts), counted.sum
