"""Metrics of the read API: what all its processes counted, in the form of Prometheus, on a port of its own.

The port is the parent's, whose processes write their counts into files of one folder. It answers in a thread, apart
from the requests. Every name and label is in docs/metrics.md.
"""

import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from api.routes import PATHS
from api.tally import Histogram, Tally, read_shared
from projector import __version__
from projector.errors import ServeError, cannot_listen
from projector.settings import Settings
from projector.tally import cumulate

LIVING_SECONDS = 10.0
"""A process whose gauges were not written for so long is gone, or stands still."""
FORGOTTEN_SECONDS = 60.0
"""Its counts are kept, and its file is not."""

_HELP = {
    "near_cache_hits": "Questions answered from the near cache.",
    "near_cache_misses": "Questions that Redis was asked.",
    "stale_answers": "Answers marked as stale, because Redis could not be asked.",
    "near_cache_bytes": "Memory that the near caches of all processes take.",
    "near_cache_documents": "Documents in the near caches of all processes.",
    "streams": "Streams of events that are open.",
    "stream_events": "Events sent on them.",
    "streams_dropped": "Streams that were ended because the client took nothing for too long.",
}


class ApiMetrics(Collector):
    """Adds up what the files of one folder say."""

    def __init__(self, folder: Path, routes: Sequence[str]) -> None:
        self._folder = folder
        self._routes = routes
        self._gone = Tally(routes)
        """What processes counted that have ended."""

    def collect(self) -> Iterable[Metric]:
        now = time.time_ns() // 1000
        tallies = list(self._read(now))
        living = [tally for tally in tallies if now - tally["written_us"] < LIVING_SECONDS * 1e6]
        total = _added([self._gone, *tallies], self._routes)
        info = GaugeMetricFamily("projector_api_info", "The program that answers.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        yield _gauge("processes", "Processes that answer requests.", len(living))
        yield from _requests(total)
        for name in ("near_cache_hits", "near_cache_misses", "stale_answers", "stream_events", "streams_dropped"):
            yield CounterMetricFamily(f"projector_api_{name}", _HELP[name], value=total[name])
        for name in ("near_cache_bytes", "near_cache_documents", "streams"):
            yield _gauge(name, _HELP[name], sum(tally[name] for tally in living))
        yield _gauge(
            "near_cache_processes", "Processes whose near cache is in step with Redis.",
            sum(tally["near_cache_on"] for tally in living),
        )  # fmt: skip
        yield _reconnects(total)
        yield from _heartbeat(total, living, now)

    def _read(self, now: int) -> Iterator[Tally]:
        for path in sorted(self._folder.iterdir()):
            tally = Tally(self._routes, read_shared(path))
            if tally["written_us"] and now - tally["written_us"] > FORGOTTEN_SECONDS * 1e6:
                self._gone = _added([self._gone, tally], self._routes)
                path.unlink()
            else:
                yield tally


@contextmanager
def serving_metrics(settings: Settings) -> Iterator[Path]:
    """Answers scrapes while the context is open, and yields the folder where processes are to count. ServeError if it
    cannot listen, or count."""
    with _folder() as folder:
        registry = CollectorRegistry()
        registry.register(ApiMetrics(folder, PATHS))
        server, thread = _listen(settings.admin_host, settings.api_admin_port, registry)
        try:
            yield folder
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


@contextmanager
def _folder() -> Iterator[Path]:
    try:
        folder = tempfile.TemporaryDirectory(prefix="projector-api-")
    except OSError as error:
        raise ServeError(
            f"Processes have nowhere to count ({error}). Set TMPDIR to a folder that takes files, or"
            " PROJECTOR_API_ADMIN_PORT to 0."
        ) from error
    with folder as name:
        yield Path(name)


def _listen(host: str, port: int, registry: CollectorRegistry) -> tuple[WSGIServer, Thread]:
    try:
        return start_http_server(port, host, registry)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise cannot_listen(host, port, reason, "PROJECTOR_ADMIN_HOST or PROJECTOR_API_ADMIN_PORT") from error


def _added(tallies: Iterable[Tally], routes: Sequence[str]) -> Tally:
    total = Tally(routes)
    for tally in tallies:
        for place, count in enumerate(tally.counts):
            total.counts[place] += count
    return total


def _requests(total: Tally) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "projector_api_requests", "Requests by address and status.", labels=["route", "status"]
    )
    latency = HistogramMetricFamily(
        "projector_api_request_duration_seconds", "From a request's head to its whole answer.", labels=["route"]
    )
    for route, tally in total.routes.items():
        statuses = tally.by_status
        for status, count in statuses.items():
            requests.add_metric([route, status], count)
        if statuses:
            latency.add_metric([route], *_buckets(tally.latency))
    yield requests
    yield latency


def _reconnects(total: Tally) -> Metric:
    family = CounterMetricFamily(
        "projector_api_reconnects", "Connections to Redis that were lost and made again.", labels=["connection"]
    )
    for connection in ("line", "subscription"):
        family.add_metric([connection], total[f"{connection}_reconnects"])
    return family


def _heartbeat(total: Tally, living: Iterable[Tally], now: int) -> Iterator[Metric]:
    histogram = HistogramMetricFamily(
        "projector_api_heartbeat_seconds",
        "From a heartbeat's commit in PostgreSQL to this API, as far as the clocks of both hosts agree.",
    )
    histogram.add_metric([], *_buckets(total.heartbeat))
    yield histogram
    seen = [tally["heartbeat_seen_us"] for tally in living if tally["heartbeat_seen_us"]]
    if seen:
        yield _gauge(
            "heartbeat_age_seconds", "Since the newest heartbeat arrived, at the process where that is longest ago.",
            max(0, now - min(seen)) / 1e6,
        )  # fmt: skip


def _gauge(name: str, help_: str, value: float) -> Metric:
    return GaugeMetricFamily(f"projector_api_{name}", help_, value=value)


def _buckets(histogram: Histogram) -> tuple[list[tuple[str, float]], float]:
    return cumulate(histogram.bounds, histogram.counts), histogram.seconds
