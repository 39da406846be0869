"""The worker: keeps the documents in Redis in step with the ERP for as long as it runs."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

import redis.asyncio
from redis import exceptions as redis_errors

from projector.backlog import Backlog, queue_documents
from projector.build import Builder
from projector.database import AsyncDatabase, connect, is_transient
from projector.deadletters import DeadLetters
from projector.errors import RedisUnavailable
from projector.installed import load_router
from projector.lane import Lane, Queue
from projector.names import DOCUMENTS
from projector.outbox import Outbox
from projector.publish import Publisher
from projector.redis_server import open_redis
from projector.refresh import RefreshRequests
from projector.settings import Settings
from projector.state import agree_on_epoch, finish_rebuilds, notice_lost_redis
from projector.wakeup import Signal, Sleeper, listen

log = logging.getLogger(__name__)

TIMERS_AT_ONCE = 1_000
HOUSEKEEPING_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 5.0

_TRANSIENT_REDIS = (
    redis_errors.ConnectionError, redis_errors.TimeoutError, redis_errors.BusyLoadingError,
    redis_errors.ReadOnlyError, redis_errors.OutOfMemoryError, redis_errors.ClusterDownError,
    redis_errors.TryAgainError, redis_errors.MasterDownError, RedisUnavailable,
)  # fmt: skip


class Worker:
    """Runs sessions one after the other: a session ends when a server goes away, and the next begins, with
    growing pauses, when both are back. Any other error ends the worker."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = asyncio.Event()
        self._session: Session | None = None
        self._pause = 0.0

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def stop(self) -> None:
        """Finish what was claimed and claim no more."""
        self._stopping.set()
        if self._session is not None:
            self._session.wake()

    async def run(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._run_session()
            except* BaseException as group:  # noqa: BLE001 - sorted here, and re-raised unless a server went away
                fatal = _fatal(group)
                if fatal is not None:
                    raise fatal from None
                await self._back_off(_first(group))

    async def _run_session(self) -> None:
        async with open_session(self._settings, self._stopping) as session:
            self._session = session
            try:
                await session.run(self._recovered)
            finally:
                self._session = None

    def _recovered(self) -> None:
        self._pause = 0.0

    async def _back_off(self, error: BaseException) -> None:
        self._pause = min(LONGEST_PAUSE_SECONDS, self._pause * 2 or 0.1)
        seconds = self._pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        log.warning("connection lost, trying again", extra={"error": " ".join(str(error).split()),
                                                            "seconds": round(seconds, 2)})  # fmt: skip
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


@dataclass(frozen=True, slots=True)
class Connections:
    """Everything a session holds open, by what it is for."""

    listener: AsyncDatabase
    housekeeping: AsyncDatabase
    refresh: AsyncDatabase
    timers: AsyncDatabase
    sleeper: AsyncDatabase
    redis: redis.asyncio.Redis


class Session:
    """One stretch of work on open connections: a lane for fresh events, one for the backlog, and what feeds them."""

    def __init__(
        self,
        connections: Connections,
        live: Lane,
        backlog: Lane,
        dead_letters: DeadLetters,
        publisher: Publisher,
        settings: Settings,
        stopping: asyncio.Event,
    ) -> None:
        self._connections = connections
        self._live = live
        self._backlog = backlog
        self._dead_letters = dead_letters
        self._publisher = publisher
        self._settings = settings
        self._stopping = stopping
        self._fresh, self._queued, self._tick = Signal(stopping), Signal(stopping), Signal(stopping)

    def wake(self) -> None:
        for signal in (self._fresh, self._queued, self._tick):
            signal.set()

    async def run(self, recovered: Callable[[], None]) -> None:
        """Until stopped, or until one part fails."""
        sleeper = Sleeper(self._connections.sleeper, self._fresh, self._settings.poll_interval_seconds)
        listener = asyncio.create_task(listen(self._connections.listener, [self._fresh]), name="listen")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch(listener), name="watch")
                group.create_task(self._run_live(sleeper), name="live")
                group.create_task(self._run_backlog(), name="backlog")
                group.create_task(self._run_timers(), name="timers")
                group.create_task(self._run_refresh(), name="refresh")
                group.create_task(self._keep_house(recovered), name="housekeeping")
        finally:
            listener.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await listener
        await sleeper.leave()

    async def _watch(self, listener: asyncio.Task[None]) -> None:
        """Fails with the listener, ends with the worker."""
        stopped = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([listener, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if listener.done():
            await listener

    async def _run_live(self, sleeper: Sleeper) -> None:
        log.info("ready")
        while not self._stopping.is_set():
            if events := await self._live.run_once():
                await sleeper.found_work(events)
            else:
                await self._live.settle()
                await sleeper.wait()
        await self._live.settle()

    async def _run_backlog(self) -> None:
        async def wait() -> None:
            await self._queued.wait(self._settings.poll_interval_seconds)

        await self._backlog.run(self._stopping, wait)

    async def _run_timers(self) -> None:
        """Moves due timers to the backlog. The business clock is the database's, which also builds."""
        while not self._stopping.is_set():
            now = await self._business_time()
            while timers := await self._publisher.take_due(now, TIMERS_AT_ONCE):
                await self._queue_timers(timers)
                await self._publisher.confirm_due(timers)
            due = await self._publisher.next_due()
            pause = HOUSEKEEPING_SECONDS if due is None else max(0.0, (due - now) / 1e6)
            await self._tick.wait(min(pause + 0.001, HOUSEKEEPING_SECONDS))

    async def _business_time(self) -> int:
        cursor = await self._connections.timers.execute(
            "SELECT (extract(epoch FROM projector.now()) * 1000000)::bigint"
        )
        row = await cursor.fetchone()
        return int(row[0]) if row else 0

    async def _queue_timers(self, timers: list[str]) -> None:
        by_section: dict[tuple[str, str], list[int]] = {}
        for timer in timers:
            document, id_, section = timer.split(":")
            by_section.setdefault((document, section), []).append(int(id_))
        async with self._connections.timers.transaction():
            for (document, section), ids in sorted(by_section.items()):
                await queue_documents(self._connections.timers, document, section, ids)
        self._queued.set()

    async def _run_refresh(self) -> None:
        requests = RefreshRequests(self._connections.redis)
        await requests.join()
        while not self._stopping.is_set():
            if await requests.run_once(self._connections.refresh):
                self._queued.set()
        await requests.leave()

    async def _keep_house(self, recovered: Callable[[], None]) -> None:
        connection, mark = self._connections.housekeeping, None
        while not self._stopping.is_set():
            mark = await notice_lost_redis(connection, self._connections.redis, mark)
            await self._dead_letters.refresh(connection)
            await self._dead_letters.queue_due(connection)
            for document in await finish_rebuilds(connection, self._connections.redis):
                log.info("all documents are built", extra={"document": document})
            recovered()
            await asyncio.sleep(0)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), HOUSEKEEPING_SECONDS)


@asynccontextmanager
async def open_session(settings: Settings, stopping: asyncio.Event) -> AsyncIterator[Session]:
    """Connects to both servers and loads the installed definitions; closes everything in reverse order."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(open_redis(settings))
        router, _ = await asyncio.to_thread(load_router, settings)

        async def database(purpose: str) -> AsyncDatabase:
            return await stack.enter_async_context(await connect(settings, purpose))

        connections = Connections(
            listener=await database("listen"),
            housekeeping=await database("housekeeping"),
            refresh=await database("refresh"),
            timers=await database("timers"),
            sleeper=await database("sleeper"),
            redis=client,
        )
        dead_letters, publisher = DeadLetters(), Publisher(client, settings.tombstone_seconds)
        await publisher.load_scripts()
        epoch = await agree_on_epoch(connections.housekeeping, client)

        async def lane(queue: Queue, claims: int) -> Lane:
            builder = Builder(
                await database(f"{queue.name} build"), router, epoch=epoch, wide_fanout=settings.wide_fanout
            )
            connections = [await database(f"{queue.name} claim") for _ in range(claims)]
            return Lane(queue, builder, publisher, dead_letters, router, connections)

        live = await lane(Outbox(settings.claim_limit), claims=2)
        backlog = await lane(Backlog(router, client, settings.chunk_size, DOCUMENTS), claims=3)
        yield Session(connections, live, backlog, dead_letters, publisher, settings, stopping)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _fatal(group: BaseExceptionGroup[BaseException]) -> BaseException | None:
    """The first error that reconnecting does not cure."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            if (inner := _fatal(error)) is not None:
                return inner
        elif not (is_transient(error) or isinstance(error, _TRANSIENT_REDIS)):
            return error
    return None
