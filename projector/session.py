"""A session of the worker: one stretch of work on open connections, with a lane for each kind of work."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from projector.audit import HASTE
from projector.build import DefinitionsChanged
from projector.database import AsyncDatabase
from projector.deadletters import DeadLetters
from projector.guard import guarding
from projector.lane import Lane
from projector.names import DOCUMENTS
from projector.parts import Connections, Lanes, Memory, Parts, Signals
from projector.reconcile import Reconciler
from projector.refresh import RefreshRequests
from projector.settings import Settings
from projector.state import RedisWatch, finish_rebuilds, read_built
from projector.tasks import Together, end, wait_within
from projector.wakeup import Signal, Sleeper, listen, start_listening

log = logging.getLogger(__name__)

HOUSEKEEPING_SECONDS = 1.0
FLOW_SECONDS = 1.0
TRIGGERS_SECONDS = 3.0
LONGEST_CALM_SECONDS = 1.0
"""Nobody waits longer for a moment without fresh changes."""
CALM_POLL_SECONDS = 0.01
SHORTEST_AUDIT_PAUSE = 0.01
"""Divided by the share: with one percent a step a second at most."""
LONGEST_REST_SECONDS = 1.0


class Session:
    """One stretch of work on open connections: a lane for fresh events, one for the backlog, and what feeds them."""

    def __init__(
        self,
        connections: Connections,
        guarded: Sequence[AsyncDatabase],
        lanes: Lanes,
        signals: Signals,
        dead_letters: DeadLetters,
        parts: Parts,
        memory: Memory,
        mark: str,
        settings: Settings,
        stopping: asyncio.Event,
    ) -> None:
        self._mark = mark
        self._counts = memory.counts
        self._tally = memory.tally
        self._connections = connections
        self._guarded = guarded
        self._lanes = lanes
        self._signals = signals
        self._dead_letters = dead_letters
        self._timers = parts.timers
        self._audit = parts.audit
        self._triggers = parts.triggers
        self._progress = parts.progress
        self._heart = parts.heart
        self._readers = parts.readers
        self._pace = parts.pace
        self._settings = settings
        self._stopping = stopping
        self.is_ready = False
        """Whether it has begun to claim."""
        self.turned_at = time.monotonic()
        """When it last began to look for fresh events."""

    def wake(self) -> None:
        self._signals.set_all()

    async def run(self) -> None:
        """Until stopped, or until one part fails."""
        interval = self._settings.poll_interval_seconds
        sleeper = Sleeper(self._connections.sleeper, self._signals.fresh, interval, self._tally)
        await start_listening(self._connections.listener)
        listener = asyncio.create_task(listen(self._connections.listener, [self._signals.fresh]), name="listen")
        try:
            async with self._guarding(), Together() as group:
                group.create_task(self._watch(listener), name="watch")
                group.create_task(self._run_live(sleeper), name="live")
                group.create_task(self._run_beside(), name="beside")
                group.create_task(self._run_backlog(), name="backlog")
                group.create_task(self._run_timers(), name="timers")
                group.create_task(self._run_refresh(), name="refresh")
                group.create_task(self._run_readers(), name="readers")
                group.create_task(self._run_audit(), name="audit")
                group.create_task(self._run_heart(), name="heartbeat")
                group.create_task(self._keep_house(), name="housekeeping")
        finally:
            await end(listener)
        await self._heart.leave()
        await sleeper.leave()

    async def unbuilt(self) -> list[str]:
        """The kinds of document of which not all were ever built."""
        built = await read_built(self._connections.redis)
        return [document for document in DOCUMENTS if not built[document]]

    def _guarding(self) -> AbstractAsyncContextManager[None]:
        return guarding(self._guarded, self._connections.guard, self._settings.claim_timeout_seconds)

    async def _watch(self, listener: asyncio.Task[None]) -> None:
        """Fails with the listener, ends with the worker."""
        stopped = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([listener, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if listener.done():
            await listener

    async def _run_live(self, sleeper: Sleeper) -> None:
        log.info("ready")
        self.is_ready = True
        async with self._lanes.live as lane:
            while not self._stopping.is_set():
                self.turned_at = time.monotonic()
                if events := await lane.run_once():
                    if not lane.found_heartbeat:
                        await sleeper.found_work(events)
                else:
                    await lane.settle()
                    await sleeper.wait()

    async def _run_beside(self) -> None:
        """Rests after each batch as long as it took: under a flood every dashboard is touched all the time, and
        building them without a pause would take one of PostgreSQL's processors from fresh changes for good."""
        async with self._lanes.beside as lane:
            while not self._stopping.is_set():
                await self._wait_while(lambda: self._lanes.live.behind, self._signals.rest)
                began = time.monotonic()
                found = await lane.run_once()
                await lane.settle()
                if found:
                    await self._signals.rest.wait(min(time.monotonic() - began, LONGEST_REST_SECONDS))
                else:
                    await self._signals.beside.wait(self._settings.poll_interval_seconds)

    async def _run_backlog(self) -> None:
        """Stands still while fresh events are worked off that are many: they queue the documents that it would build,
        and would wait for it to be done with them."""
        async with self._lanes.backlog as lane:
            while not self._stopping.is_set():
                if self._lanes.live.behind:
                    await lane.finish()
                    await self._wait_while(lambda: self._lanes.live.behind, self._signals.pause)
                began = time.monotonic()
                if not await lane.run_once(alone=flows(self._lanes.live)):
                    await lane.settle()
                    longest = self._settings.poll_interval_seconds
                    await self._signals.queued.wait(min(longest, self._pace.seconds_left(longest)))
                elif flows(self._lanes.live):
                    await self._signals.pause.wait(min(time.monotonic() - began, LONGEST_REST_SECONDS))

    async def _run_timers(self) -> None:
        while not self._stopping.is_set():
            pause = await self._timers.run_once()
            self._tally.timers_fired += self._timers.fired
            if self._timers.queued:
                self._signals.queued.set()
            longest = HOUSEKEEPING_SECONDS if pause is None else min(pause + 0.001, HOUSEKEEPING_SECONDS)
            await self._signals.tick.wait(longest)

    async def _run_audit(self) -> None:
        """Paced by time: after each step a pause that is so much longer as the share is small."""
        if not self._settings.audit_share:
            return
        await self._audit.prepare()
        while not self._stopping.is_set():
            await self._wait_while(lambda: self._lanes.live.busy, self._signals.audit)
            began = time.monotonic()
            step = await self._audit.run_once()
            self._tally.compared += step.compared
            self._tally.drift_found += len(step.drift)
            self._tally.drift_repaired += step.repaired
            share = min(1.0, self._settings.audit_share * (HASTE if step.hasty else 1))
            pause = max((time.monotonic() - began) * (1 / share - 1), SHORTEST_AUDIT_PAUSE / share)
            await self._signals.audit.wait(pause)

    async def _run_heart(self) -> None:
        await self._heart.prepare()
        while self._settings.heartbeat_seconds and not self._stopping.is_set():
            await self._heart.run_once()
            await wait_within(self._stopping, self._settings.heartbeat_seconds)

    async def _wait_while(self, condition: Callable[[], bool], signal: Signal) -> None:
        """Gives way to the lane of fresh events, but never for long."""
        deadline = time.monotonic() + LONGEST_CALM_SECONDS
        while condition() and time.monotonic() < deadline and not self._stopping.is_set():
            await signal.wait(CALM_POLL_SECONDS)

    async def _run_refresh(self) -> None:
        requests = RefreshRequests(self._connections.redis, self._settings.redis_timeout_seconds)
        await requests.join()
        while not self._stopping.is_set():
            if await requests.run_once(self._connections.refresh):
                self._signals.queued.set()
        await requests.leave()

    async def _run_readers(self) -> None:
        async with self._readers as readers:
            while not self._stopping.is_set():
                await readers.run_once()

    async def _require_same_installation(self) -> None:
        """Ends the session after another `install`; the next one loads what it defined."""
        cursor = await self._connections.housekeeping.execute("SELECT installed_at::text FROM projector.installation")
        if await cursor.fetchone() != (self._mark,):
            raise DefinitionsChanged("the installation changed, its definitions are loaded anew")

    async def _keep_house(self) -> None:
        connection = self._connections.housekeeping
        watch = RedisWatch(connection, self._connections.redis, self._counts)
        triggers_due = 0.0
        reconciler = Reconciler()
        while not self._stopping.is_set():
            await self._require_same_installation()
            await watch.run_once()
            await self._dead_letters.run_once(connection)
            if await reconciler.run_once(connection):
                self._signals.queued.set()
            for document in await finish_rebuilds(connection, self._connections.redis):
                log.info("all documents are built", extra={"document": document})
            await self._progress.run_once()
            if time.monotonic() >= triggers_due:
                triggers_due = time.monotonic() + TRIGGERS_SECONDS
                if await self._triggers.run_once():
                    self._signals.queued.set()
            await wait_within(self._stopping, HOUSEKEEPING_SECONDS)


def flows(live: Lane) -> bool:
    """Whether there were fresh changes a moment ago, to which big work gives way."""
    return time.monotonic() - live.found_at < FLOW_SECONDS
