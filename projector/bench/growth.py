"""Whether a document costs the same however large the ERP is."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass

import psycopg
import uvloop

from projector.bench.options import Options, percentile
from projector.bench.probe import Probe, api_path
from projector.bench.report import Measurement, Report, Row, ratio_at_most
from projector.bench.stage import Site, Stage
from projector.build import UNCLAIMED, Builder, Request
from projector.database import connect
from projector.installed import load_router
from projector.names import DOCUMENTS
from projector.resolve import Router
from projector.work import want

DEFAULTS = Options(rounds=5, seconds=2, scales=(1, 10))

_VISIBLE = "commit to visible, p50"
_BUDGET = ratio_at_most(1.25)
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

    async def build(self, kind: str) -> float:
        """Milliseconds that all sections of one document take."""
        request = Request(UNCLAIMED)
        want(request.wanted, kind, (self._random.choice(self._ids[kind]),), self._router.all_sections(kind))
        began = time.perf_counter()
        await self._builder.build(request)
        return (time.perf_counter() - began) * 1e3


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
        probes = [_probe(stage, stack, site) for site in sites]
        figures = uvloop.run(_measure(stage, sites, probes, options))
    note = "Idle, one change at a time. A build is of all sections of one document, on one connection."
    return Report("growth", _rows(options.scales, figures), options.rounds, time.monotonic() - began, [note])


def _probe(stage: Stage, stack: ExitStack, site: Site) -> Probe:
    stack.enter_context(stage.worker(site))
    api = stack.enter_context(stage.api(site))
    return stack.enter_context(Probe(site.database_url, api.port, api_path))


async def _measure(stage: Stage, sites: Sequence[Site], probes: Sequence[Probe], options: Options) -> list[Figures]:
    async with AsyncExitStack() as stack:
        subjects = [
            Subject(probe, await stack.enter_async_context(_documents(site)), {})
            for site, probe in zip(sites, probes, strict=True)
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
        subject.figures.setdefault(_VISIBLE, []).append(subject.probe.measure(seconds).p50)
    for kind in DOCUMENTS:
        delays: list[list[float]] = [[] for _ in subjects]
        end = time.perf_counter() + seconds * _SHARE
        while not delays[0] or time.perf_counter() < end:
            for subject, found in zip(subjects, delays, strict=True):
                found.append(await subject.documents.build(kind))
        for subject, found in zip(subjects, delays, strict=True):
            subject.figures.setdefault(f"build one {kind}, p50", []).append(percentile(found, 50))


def _rows(scales: Sequence[float], figures: Sequence[Figures]) -> list[Row]:
    return [
        Row(f"{what}, scale {scale:g}", "ms", tuple(each), _baseline(scales[0], figures[0][what]), _BUDGET)
        for scale, found in zip(scales[1:], figures[1:], strict=True)
        for what, each in found.items()
    ]


def _baseline(scale: float, figures: Sequence[float]) -> Measurement:
    return Measurement(f"scale {scale:g}", tuple(figures))
