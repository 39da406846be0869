"""The guard of open connections: it keeps their claims alive, and notices when an answer was lost on the way."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from psycopg.pq import TransactionStatus

from projector.connection import AsyncDatabase
from projector.errors import DatabaseUnavailable
from projector.sql import read_query
from projector.tasks import end, finish, wait_within

LOOK_SECONDS = 1.0
SUSPICIOUS_SECONDS = 5.0
"""Whoever waits longer is asked about."""


@asynccontextmanager
async def guarding(
    connections: Sequence[AsyncDatabase], asking: AsyncDatabase, claim_timeout_seconds: float
) -> AsyncIterator[None]:
    """Guards these connections, asking the server on another one; fails where one of them is lost."""
    guard, stopping = Guard(connections, asking), asyncio.Event()
    steps = [(guard.keep_claims, claim_timeout_seconds / 3), (guard.look_for_lost, LOOK_SECONDS)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_repeat(stopping, step, seconds), name="guard") for step, seconds in steps]
        try:
            yield
            await finish(stopping, *tasks)
        finally:
            await end(*tasks)


class Guard:
    """PostgreSQL ends a session that rests in a transaction for too long, so that a process that stands still holds no
    claim for ever; one that works has to give a sign of life. And a network that swallows packets ends nothing: who
    waits behind it waits for ever, while the server has long answered."""

    def __init__(self, connections: Sequence[AsyncDatabase], asking: AsyncDatabase) -> None:
        self._connections = connections
        self._asking = asking
        self._suspects: dict[int, float] = {}

    async def keep_claims(self) -> None:
        """A sign of life on each connection that rests in a transaction while its batch is built or published."""
        for connection in self._connections:
            if connection.info.transaction_status == TransactionStatus.INTRANS:
                # The driver's lock keeps this apart from the owner's statements.
                await connection.execute("SELECT 1")

    async def look_for_lost(self) -> None:
        """DatabaseUnavailable where the server has done with what somebody still waits for, in two looks, since an
        answer may be on its way during one. The server then ends the sessions of all, which gives their claims back:
        it hears nothing of our closing them."""
        waiting = self._waiting()
        lost = {pid: waiting[pid] for pid in await self._done(list(waiting))}
        again = [pid for pid, since in lost.items() if self._suspects.get(pid) == since]
        self._suspects = lost
        if again:
            names = ", ".join(each.purpose for each in self._connections if each.backend_pid in again)
            await self._asking.execute(read_query("end_sessions"), ([each.backend_pid for each in self._connections],))
            raise DatabaseUnavailable(
                f"An answer of PostgreSQL was lost on the way ({names}). A proxy or firewall drops packets."
            )

    def _waiting(self) -> dict[int, float]:
        now = time.monotonic()
        since = {each.backend_pid: each.waiting_since for each in self._connections}
        return {pid: began for pid, began in since.items() if began is not None and now - began > SUSPICIOUS_SECONDS}

    async def _done(self, pids: list[int]) -> list[int]:
        cursor = await self._asking.execute(read_query("resting_sessions"), (pids,))
        return [pid for (pid,) in await cursor.fetchall()]


async def _repeat(stopping: asyncio.Event, step: Callable[[], Awaitable[None]], seconds: float) -> None:
    await wait_within(stopping, seconds)
    while not stopping.is_set():
        await step()
        await wait_within(stopping, seconds)
