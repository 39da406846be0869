"""Whether a change, a document and a worker cost the same however large the ERP is."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass

import psycopg
import uvloop

from projector.bench.helper import memory_mb
from projector.bench.options import Options, percentile
from projector.bench.probe import Probe, api_path
from projector.bench.report import Measurement, Report, Row, figure_at_most, ratio_at_most
from projector.bench.stage import Site, Stage
from projector.build import UNCLAIMED, Builder, Request
from projector.database import connect
from projector.installed import load_router
from projector.names import DOCUMENTS
from projector.resolve import Router
from projector.work import want

DEFAULTS = Options(rounds=5, seconds=2, scales=(1, 10))

_UPDATE = "an update of one row, p50"
_VISIBLE = "commit to visible, p50"
_BUDGET = ratio_at_most(1.25)
_MOST_MB = 200
_CHUNK = 500
"""Documents built at once."""
_WARM_UP_SECONDS = 0.5
_MOST_IDS = 2_000
_SHARE = 0.5
"""Of the seconds of a round, for the builds of one kind of document."""

Figures = dict[str, list[float]]
"""What was measured, in milliseconds, once a round."""


class Documents:
    """Builds single documents of one ERP and throws them away; `ids` holds some of each kind, chosen at random."""

    def __init__(self, builder: Builder, router: Router, ids: dict[str, list[int]]) -> None:
        self._builder = builder
        self._router = router
        self._ids = ids
        self._random = random.Random(1)  # noqa: S311 - the same documents each time

    def has(self, kind: str, number: int) -> bool:
        return len(self._ids[kind]) >= number

    async def build(self, kind: str, number: int) -> float:
        """Milliseconds that all sections of so many documents take, for each of them."""
        request = Request(UNCLAIMED)
        ids = self._random.sample(self._ids[kind], number)
        want(request.wanted, kind, ids, self._router.all_sections(kind))
        began = time.perf_counter()
        await self._builder.build(request)
        return (time.perf_counter() - began) * 1e3 / number


@dataclass(frozen=True, slots=True)
class Subject:
    """One ERP under measurement."""

    probe: Probe
    documents: Documents
    figures: Figures


def measure(stage: Stage, options: Options) -> Report:
    """All ERPs at once on one server: they take turns within each round."""
    began = time.monotonic()
    sites = [stage.built(scale) for scale in options.scales]
    with ExitStack() as stack:
        probed = [_probe(stage, stack, site) for site in sites]
        figures = uvloop.run(_measure(stage, sites, probed, options))
        grown = tuple(memory_mb(worker, peak=True) for worker, _ in probed)
    note = (
        f"Idle, one change at a time. Builds are of all sections, on one connection; of {_CHUNK} at once, for each one."
    )
    rows = [*_rows(options.scales, figures), *_memory_rows(options.scales, grown)]
    return Report("growth", rows, options.rounds, time.monotonic() - began, [note])


def _probe(stage: Stage, stack: ExitStack, site: Site) -> tuple[int, Probe]:
    worker = stack.enter_context(stage.worker(site))
    api = stack.enter_context(stage.api(site))
    return worker, stack.enter_context(Probe(site.database_url, api.port, api_path))


async def _measure(
    stage: Stage, sites: Sequence[Site], probed: Sequence[tuple[int, Probe]], options: Options
) -> list[Figures]:
    async with AsyncExitStack() as stack:
        subjects = [
            Subject(probe, await stack.enter_async_context(_documents(site)), {})
            for site, (_, probe) in zip(sites, probed, strict=True)
        ]
        await _measure_round(subjects, min(_WARM_UP_SECONDS, options.seconds))
        for subject in subjects:
            subject.figures.clear()
        for number in range(options.rounds):
            stage.tell(f"growth: round {number + 1} of {options.rounds}")
            await _measure_round(subjects, options.seconds)
    return [subject.figures for subject in subjects]


@asynccontextmanager
async def _documents(site: Site) -> AsyncIterator[Documents]:
    router, _ = await asyncio.to_thread(load_router, site.settings)
    with psycopg.connect(site.database_url) as connection:
        ids = {kind: _some_ids(connection, kind) for kind in DOCUMENTS}
    async with await connect(site.settings, "bench", snapshots=True) as connection:
        builder = Builder(connection, router, epoch=1, wide_fanout=site.settings.wide_fanout)
        await builder.prepare()
        yield Documents(builder, router, ids)


def _some_ids(connection: psycopg.Connection, kind: str) -> list[int]:
    query = f"SELECT id FROM projector.{kind} ORDER BY md5(id::text) LIMIT {_MOST_IDS}"
    return [id_ for (id_,) in connection.execute(query.encode())]


async def _measure_round(subjects: Sequence[Subject], seconds: float) -> None:
    for subject in subjects:
        # Blocks the loop, on which nothing else happens.
        delays = subject.probe.measure(seconds)
        subject.figures.setdefault(_UPDATE, []).append(percentile(delays.update, 50))
        subject.figures.setdefault(_VISIBLE, []).append(delays.p50)
    for kind in DOCUMENTS:
        await _measure_builds(subjects, kind, 1, seconds)
        if all(subject.documents.has(kind, _CHUNK) for subject in subjects):
            await _measure_builds(subjects, kind, _CHUNK, seconds)


async def _measure_builds(subjects: Sequence[Subject], kind: str, number: int, seconds: float) -> None:
    delays: list[list[float]] = [[] for _ in subjects]
    end = time.perf_counter() + seconds * _SHARE
    while not delays[0] or time.perf_counter() < end:
        for subject, found in zip(subjects, delays, strict=True):
            found.append(await subject.documents.build(kind, number))
    for subject, found in zip(subjects, delays, strict=True):
        subject.figures.setdefault(f"build {number} {kind}, p50", []).append(percentile(found, 50))


def _rows(scales: Sequence[float], figures: Sequence[Figures]) -> list[Row]:
    return [
        Row(f"{what}, scale {scale:g}", "ms", tuple(each), _baseline(scales[0], figures[0][what]), _BUDGET)
        for scale, found in zip(scales[1:], figures[1:], strict=True)
        for what, each in found.items()
    ]


def _memory_rows(scales: Sequence[float], grown: Sequence[float]) -> list[Row]:
    baseline = _baseline(scales[0], grown[:1])
    return [
        Row(f"memory of the worker at most, scale {scale:g}", "MB", (megabytes,), baseline, figure_at_most(_MOST_MB))
        for scale, megabytes in zip(scales[1:], grown[1:], strict=True)
    ]


def _baseline(scale: float, figures: Sequence[float]) -> Measurement:
    return Measurement(f"scale {scale:g}", tuple(figures))
