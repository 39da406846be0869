"""How fast a queue drains: many single-row events, against the build alone of the documents that they touch."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import psycopg
import uvloop

from projector.asking import Asker
from projector.bench.changes import STRIDE, UPDATES, last_id
from projector.bench.options import Options
from projector.bench.report import Measurement, Report, Row, ratio_at_least
from projector.bench.stage import Site, Stage
from projector.build import UNCLAIMED, Builder, Request
from projector.database import AsyncDatabase, connect
from projector.demo.processes import ProcessFailed
from projector.installed import load_router
from projector.outbox import read_event
from projector.resolve import Router
from projector.work import Wanted, want, want_each

DEFAULTS = Options(rounds=3, seconds=0, scales=(10,))

EVENTS = 100_000
_EVERYTHING = 2**31
_POLL_SECONDS = 0.02
_PATIENCE_SECONDS = 300.0
_EVENTS = """
SELECT source, operation::text, changed, key_1, key_2, key_3, key_4, fault, xid::text::bigint FROM projector.outbox
"""
_EMPTY = """
SELECT NOT EXISTS (SELECT FROM projector.outbox) AND NOT EXISTS (SELECT FROM projector.backlog)
"""


@dataclass(frozen=True, slots=True)
class Work:
    """What a queue of events comes down to: each document once, however many events touch it."""

    wanted: Wanted

    @property
    def documents(self) -> int:
        return sum(map(len, self.wanted.values()))

    def chunks(self, size: int) -> Iterator[Request]:
        for document, ids in self.wanted.items():
            places = iter(ids.items())
            while chunk := list(islice(places, size)):
                request = Request(UNCLAIMED)
                want_each(request.wanted, document, dict(chunk))
                yield request


def measure(stage: Stage, options: Options) -> Report:
    """Rounds of: queue the events, build what they touch and throw it away, let a worker drain the queue."""
    began = time.monotonic()
    scale = options.scales[0]
    site, events = stage.built(scale), round(EVENTS * min(1.0, scale))
    drained: list[float] = []
    built: list[float] = []
    documents = 0
    for number in range(options.rounds):
        stage.tell(f"drain: round {number + 1} of {options.rounds}")
        _queue_events(site, events)
        work, seconds = uvloop.run(_build_alone(site))
        documents = work.documents
        built.append(documents / seconds)
        drained.append(documents / _drain(stage, site))
    row = Row(f"{events:,} events, {documents:,} documents", "documents/s", tuple(drained),
              Measurement("build alone", tuple(built)), ratio_at_least(0.5))  # fmt: skip
    return Report("drain", [row], options.rounds, time.monotonic() - began, _NOTES)


def _queue_events(site: Site, events: int) -> None:
    """Updates of one row each, in transactions of their own, in turn over the tables; as fast as one session can."""
    with psycopg.connect(site.database_url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        statements = "".join(
            f"UPDATE {table} SET {change} WHERE id = n * {STRIDE} % {last_id(connection, table)} + 1; COMMIT; "
            for table, change in UPDATES
        )
        rounds = events // len(UPDATES)
        connection.execute(f"DO $$ BEGIN FOR n IN 1..{rounds} LOOP {statements} END LOOP; END $$".encode())
        # As long after as autovacuum would.
        connection.execute("VACUUM ANALYZE")


async def _build_alone(site: Site) -> tuple[Work, float]:
    """What the queued events touch, and the seconds that its build took on one connection."""
    router, _ = await asyncio.to_thread(load_router, site.settings)
    async with await connect(site.settings, "bench", snapshots=True) as connection:
        work = Work(await _resolve(connection, router))
        builder = Builder(connection, router, epoch=1, wide_fanout=_EVERYTHING)
        await builder.prepare()
        await builder.prepare_sections()
        began = time.perf_counter()
        for request in work.chunks(site.settings.chunk_size):
            await builder.build(request)
        return work, time.perf_counter() - began


async def _resolve(connection: AsyncDatabase, router: Router) -> Wanted:
    cursor = await connection.execute(_EVENTS)
    resolution = router.resolve([read_event(row) async for row in cursor])
    asker = Asker(connection, {})
    for question in resolution.questions:
        ids = await asker.documents(question, _EVERYTHING, isolated=False)
        want(resolution.wanted, question.route.document, ids or (), question.sections)
    return resolution.wanted


def _drain(stage: Stage, site: Site) -> float:
    """Seconds from when a worker is ready until all that the events touch is published."""
    with psycopg.connect(site.database_url, autocommit=True) as connection, stage.worker(site):
        began = time.perf_counter()
        while connection.execute(_EMPTY).fetchone() != (True,):
            if time.perf_counter() > began + _PATIENCE_SECONDS:
                raise ProcessFailed(f"The queue did not drain within {_PATIENCE_SECONDS:.0f} s.")
            time.sleep(_POLL_SECONDS)
        return time.perf_counter() - began


_NOTES = (
    "One worker with its defaults, dashboards included. The build alone is of each touched document once, on one"
    " connection, and thrown away.",
)
