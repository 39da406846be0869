"""Rebuild: documents made anew beside a live worker, which never sees an older state published (D6, D8)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from projector.backlog import Backlog, request_rebuild
from projector.build import UNCLAIMED, Builder, Request
from projector.cause import REBUILD
from projector.database import AsyncDatabase, connect
from projector.deadletters import DeadLetters
from projector.guard import guarding
from projector.installed import load_router
from projector.lane import BUILDERS, CLAIMS, Lane, Queue
from projector.progress import Progress as DrainProgress
from projector.publish import Publisher, Replicas
from projector.redis_server import open_redis
from projector.resolve import Router
from projector.settings import Settings
from projector.shards import Client
from projector.state import agree_on_epoch, finish_rebuilds, notice_empty_redis
from projector.tally import Totals
from projector.tasks import Together, end, finish, wait_within
from projector.work import want

REMAINING_SECONDS = 0.5


@dataclass(slots=True)
class Progress:
    """How far a rebuild has come; `total` grows while it is still counted."""

    total: int = 0
    remaining: int = 0
    failed: int = 0
    """Sections that could not be built, here or by a worker that took a part."""
    lanes: list[Totals] = field(default_factory=list)

    @property
    def done(self) -> int:
        return max(0, self.total - self.remaining)

    @property
    def documents(self) -> int:
        """Documents that this process built itself; a live worker may have taken others."""
        return sum(totals.documents for totals in self.lanes)


class Listed:
    """A queue of documents named by hand. Nothing in the database stands for them: if the command dies, whoever
    typed it knows."""

    def __init__(self, router: Router, documents: Sequence[str], ids: Sequence[int], chunk_size: int) -> None:
        self._router = router
        self._chunks = [
            (document, ids[start : start + chunk_size])
            for document in documents
            for start in range(0, len(ids), chunk_size)
        ]

    async def prepare(self, connection: AsyncDatabase) -> None:
        """There is nothing to prepare."""

    async def claim(self, connection: AsyncDatabase) -> Request | None:
        if not self._chunks:
            return None
        document, ids = self._chunks.pop()
        await connection.execute("BEGIN")
        request = Request(UNCLAIMED, retries=True, cause=REBUILD)
        want(request.wanted, document, ids, self._router.all_sections(document))
        return request


class Rebuilder:
    """Builders of this process and the connections they work on."""

    def __init__(self, settings: Settings, control: AsyncDatabase, client: Client, router: Router) -> None:
        self.router = router
        self.control = control
        self.client = client
        self.settings = settings
        self.progress = Progress()
        self._lanes: list[Lane] = []
        self._guarded: list[AsyncDatabase] = []
        self._drained: DrainProgress | None = None

    async def add_lanes(self, stack: AsyncExitStack, queues: Sequence[Queue], epoch: int) -> None:
        publisher = Publisher(self.client, self.settings.tombstone_seconds, replicas=Replicas.of(self.settings))
        await publisher.load_scripts()
        dead_letters = DeadLetters()
        await dead_letters.mend(self.control)
        await dead_letters.refresh(self.control)
        for queue in queues:
            builders = [
                Builder(
                    await self._connect(stack, "build", snapshots=True), self.router, epoch=epoch,
                    wide_fanout=self.settings.wide_fanout, row_timeout_seconds=self.settings.row_timeout_seconds,
                    letters=dead_letters.letters,
                )
                for _ in range(BUILDERS)
            ]  # fmt: skip
            claims = [await self._connect(stack, "claim") for _ in range(CLAIMS)]
            lane = Lane(queue, builders, publisher, dead_letters, self.router, claims)
            await lane.prepare()
            self._lanes.append(lane)
        await self._lanes[0].declare_broken()
        self.progress.lanes = [lane.totals for lane in self._lanes]

    async def _connect(self, stack: AsyncExitStack, purpose: str, *, snapshots: bool = False) -> AsyncDatabase:
        connection = await connect(self.settings, f"rebuild {purpose}", snapshots=snapshots)
        self._guarded.append(connection)
        return await stack.enter_async_context(connection)

    async def note_progress(self) -> None:
        """For `status`."""
        self._drained = self._drained or DrainProgress(self.control, self.progress.lanes)
        await self._drained.run_once()

    async def drain(self) -> None:
        """Until the queues are empty for all builders."""
        guard = guarding(self._guarded, self.control, self.settings.claim_timeout_seconds)
        async with guard, Together() as group:
            for lane in self._lanes:
                group.create_task(_drain(lane))

    async def database_time(self) -> object:
        cursor = await self.control.execute("SELECT clock_timestamp()")
        row = await cursor.fetchone()
        return row[0] if row else None

    async def failed_since(self, documents: Sequence[str], began: object) -> int:
        """Sections of these kinds that failed since then, whoever tried; one that is broken as a whole counts once."""
        cursor = await self.control.execute(
            "SELECT count(*) FROM projector.dead_letter"
            " WHERE document = ANY ($1::text[]) AND (failed_at >= $2 OR id IS NULL)",
            (list(documents), began),
        )
        row = await cursor.fetchone()
        return int(row[0]) if row else 0

    async def remaining(self, documents: Sequence[str], queued_until: object) -> int:
        cursor = await self.control.execute(
            "SELECT coalesce(sum(coalesce(cardinality(ids), 1)), 0) FROM projector.backlog"
            " WHERE document = ANY ($1::text[]) AND queued_at <= $2",
            (list(documents), queued_until),
        )
        row = await cursor.fetchone()
        return int(row[0]) if row else 0


async def rebuild(
    settings: Settings,
    documents: Sequence[str],
    ids: Sequence[int] = (),
    *,
    jobs: int = 1,
    tell: Callable[[Progress], None] = lambda _: None,
) -> Progress:
    """Rebuilds these kinds of documents, or these ids of them, and returns when they are live."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(open_redis(settings))
        router, _ = await asyncio.to_thread(load_router, settings)
        control = await stack.enter_async_context(await connect(settings, "rebuild"))
        epoch = await agree_on_epoch(control, client)
        rebuilder = Rebuilder(settings, control, client, router)
        began = await rebuilder.database_time()
        if ids:
            await _rebuild_listed(stack, rebuilder, documents, ids, epoch)
        else:
            await _rebuild_kinds(stack, rebuilder, documents, jobs, epoch, tell)
        rebuilder.progress.failed = await rebuilder.failed_since(documents, began)
        tell(rebuilder.progress)
        return rebuilder.progress


async def _rebuild_listed(
    stack: AsyncExitStack, rebuilder: Rebuilder, documents: Sequence[str], ids: Sequence[int], epoch: int
) -> None:
    queue = Listed(rebuilder.router, documents, ids, rebuilder.settings.chunk_size)
    await rebuilder.add_lanes(stack, [queue], epoch)
    rebuilder.progress.total = len(documents) * len(ids)
    await rebuilder.drain()


async def _rebuild_kinds(
    stack: AsyncExitStack,
    rebuilder: Rebuilder,
    documents: Sequence[str],
    jobs: int,
    epoch: int,
    tell: Callable[[Progress], None],
) -> None:
    control, client = rebuilder.control, rebuilder.client
    await notice_empty_redis(control, client)
    for document in documents:
        await request_rebuild(control, document, "rebuild by hand", REBUILD)
    queued_until = await rebuilder.database_time()
    queues = [Backlog(rebuilder.router, client, rebuilder.settings.chunk_size, documents) for _ in range(jobs)]
    await rebuilder.add_lanes(stack, queues, epoch)
    async with _counting(rebuilder, documents, queued_until, tell):
        # Before anybody claims: a builder that found nothing because another was at this would be done.
        await queues[0].expand(control)
        await rebuilder.drain()
        # What a live worker holds is not live yet; what it fails at comes back to us.
        while await rebuilder.remaining(documents, queued_until):
            await asyncio.sleep(0.05)
            await rebuilder.drain()
    await rebuilder.note_progress()
    rebuilder.progress.remaining = 0
    await finish_rebuilds(control, client)


@asynccontextmanager
async def _counting(
    rebuilder: Rebuilder, documents: Sequence[str], queued_until: object, tell: Callable[[Progress], None]
) -> AsyncIterator[None]:
    stopping = asyncio.Event()

    async def count() -> None:
        while not stopping.is_set():
            await rebuilder.note_progress()
            progress = rebuilder.progress
            progress.remaining = await rebuilder.remaining(documents, queued_until)
            progress.total = max(progress.total, progress.remaining, progress.documents)
            tell(progress)
            await wait_within(stopping, REMAINING_SECONDS)

    counter = asyncio.create_task(count())
    try:
        yield
        await finish(stopping, counter)
    finally:
        await end(counter)
        rebuilder.progress.total = max(rebuilder.progress.total, rebuilder.progress.documents)


async def _drain(lane: Lane) -> None:
    async with lane:
        while await lane.run_once():
            pass
