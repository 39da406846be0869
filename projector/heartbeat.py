"""The heartbeat: a row of our own that travels the way of every change, and the worker's pulse."""

from collections.abc import Awaitable
from contextlib import suppress
from typing import cast

from redis.exceptions import RedisError

from projector.database import AsyncDatabase
from projector.names import HEARTBEAT_FIELD, HEARTBEAT_KEY
from projector.pulse import Pulse
from projector.shards import Client
from projector.sql import read_query

SOONEST = 0.5
"""Of the interval: two workers whose turns lie close together send one heartbeat."""


class Heart:
    """Sends heartbeats, and takes the pulse of whatever worker publishes them."""

    def __init__(self, connection: AsyncDatabase, client: Client, seconds: float, pulse: Pulse) -> None:
        self._connection = connection
        self._client = client
        self._seconds = seconds
        self._pulse = pulse

    async def prepare(self) -> None:
        """Once. Where none are sent, readers must not wait for any."""
        if self._seconds:
            # Heartbeats are worth no wait for the disk.
            await self._connection.execute("SELECT set_config('synchronous_commit', 'off', false)")
        else:
            await self._client.delete(HEARTBEAT_KEY)

    async def run_once(self) -> None:
        """Looks which heartbeat arrived last, and sends the next."""
        await self.feel()
        await self._connection.execute(read_query("beat"), (self._seconds * SOONEST,))

    async def feel(self) -> None:
        """Looks which heartbeat arrived last."""
        beat = await cast("Awaitable[bytes | None]", self._client.hget(HEARTBEAT_KEY, HEARTBEAT_FIELD))
        self._pulse.observe(None if beat is None else int(beat))

    async def leave(self) -> None:
        """On a clean stop: an outbox that nobody reads stays empty, and a worker that was meant to stop is not missed.
        Others that go on are heard of with their next heartbeat."""
        await self._connection.execute(read_query("drop_heartbeats"))
        with suppress(RedisError, OSError):
            await self._client.delete(HEARTBEAT_KEY)
