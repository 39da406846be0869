"""The subscription to change messages, which keeps the near cache in step with Redis.

It is confirmed before anything is kept, and pinged on its own connection every second: a connection that is open on
this side only is noticed within one second and one timeout, and so is a Redis that hangs.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from api.lines import Lines
from api.near_cache import NearCache
from api.redis_line import AWAY, make_connection
from api.tally import Tally
from projector.names import CHANGES_CHANNEL, HEARTBEAT_KEY

logger = logging.getLogger(__name__)

PING_SECONDS = 1.0
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0
_MESSAGES_AT_ONCE = 200
_HEARTBEAT = HEARTBEAT_KEY.encode()

Probe = Callable[[], Awaitable[object]]


class Ear:
    """One connection in subscriber mode."""

    def __init__(
        self, url: str, timeout_seconds: float, near_cache: NearCache, feel_heartbeat: Callable[[], None]
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._near_cache = near_cache
        self._feel_heartbeat = feel_heartbeat
        self._connection = make_connection(url, timeout_seconds)
        self._ponged = asyncio.Event()

    async def subscribe(self) -> None:
        """Returns when it is confirmed."""
        connection = self._connection
        await connection.connect()  # type: ignore[no-untyped-call]
        await connection.send_command("SUBSCRIBE", CHANGES_CHANNEL, check_health=False)
        reply = await connection.read_response()
        if reply != [b"subscribe", CHANGES_CHANNEL.encode(), 1]:
            raise RedisConnectionError(f"SUBSCRIBE was answered with {reply!r}")

    async def receive(self) -> None:
        """Until the connection is lost."""
        received = 0
        while True:
            message = await self._connection.read_response()
            if message[0] == b"message" and message[2] == _HEARTBEAT:
                self._feel_heartbeat()
            elif message[0] == b"message":
                self._near_cache.change(message[2])
            elif message[0] == b"pong":
                self._ponged.set()
            received += 1
            if not received % _MESSAGES_AT_ONCE:
                await asyncio.sleep(0)  # what has arrived already is read without a pause

    async def ping(self) -> None:
        """Returns when everything that was sent before has arrived."""
        self._ponged.clear()
        async with asyncio.timeout(self._timeout_seconds):
            await self._connection.send_command("PING", check_health=False)
            await self._ponged.wait()

    async def close(self) -> None:
        await self._connection.disconnect(nowait=True)


class Subscription:
    """A connection to each server, all made again whenever one is lost or the servers are others; belongs to one event
    loop.

    A cluster passes change messages on to all its servers, but drops them where two of them lose sight of each other;
    the server that holds the document tells its own subscribers for certain.

    `probe` asks each server for anything at all, so that one that was emptied is noticed though nobody misses the near
    cache. `feel_heartbeat` is told of each heartbeat that arrives, once for each server of a cluster.
    """

    def __init__(
        self,
        lines: Lines,
        timeout_seconds: float,
        near_cache: NearCache,
        probe: Probe,
        feel_heartbeat: Callable[[], None],
        tally: Tally,
    ) -> None:
        self._lines = lines
        self._feel_heartbeat = feel_heartbeat
        self._tally = tally
        self._is_first = True
        self._timeout_seconds = timeout_seconds
        self._near_cache = near_cache
        self._probe = probe
        self._was_open = False
        self._is_refused = False
        self._task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def opened(self, *, is_needed: bool = True) -> AsyncIterator[None]:
        """Begins to subscribe, where it is not needed at once only when told to; ends at the end."""
        if is_needed:
            self.begin()
        try:
            yield
        finally:
            if self._task is not None:
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)

    def begin(self) -> None:
        """Subscribes, and goes on trying."""
        if self._task is None:
            self._task = asyncio.create_task(self._subscribe_forever(), name="subscription")

    async def _subscribe_forever(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._listen_once()
            except AWAY as error:
                self._explain(error)
                self._lines.look_again()
            pause = _FIRST_PAUSE_SECONDS if self._was_open else min(2 * pause, _LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311

    async def _listen_once(self) -> None:
        """Subscribes, and receives until a connection is lost."""
        self._was_open = False
        moved = self._lines.moved
        ears = [Ear(url, self._timeout_seconds, self._near_cache, self._feel_heartbeat) for url in self._lines.urls]
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await asyncio.gather(*(ear.subscribe() for ear in ears))
            self._near_cache.opened()
            if not self._is_first:
                self._tally.add("subscription_reconnects")
            self._is_first = False
            self._was_open, self._is_refused = True, False
            receiving = [ear.receive() for ear in ears]
            await _until_one_ends(*receiving, self._keep_alive(ears), self._probe_forever(), moved.wait())
        finally:
            self._near_cache.closed()
            await asyncio.gather(*(ear.close() for ear in ears))

    async def _keep_alive(self, ears: Sequence[Ear]) -> None:
        while True:
            await asyncio.sleep(PING_SECONDS)
            sent = time.monotonic()
            await asyncio.gather(*(ear.ping() for ear in ears))
            self._near_cache.confirm(sent)

    async def _probe_forever(self) -> None:
        while True:
            await asyncio.sleep(PING_SECONDS)
            await self._probe()

    def _explain(self, error: Exception) -> None:
        reason = str(error) or f"no answer within {self._timeout_seconds:g} s"
        if isinstance(error, ResponseError) and not self._is_refused:
            self._is_refused = True
            logger.warning("Redis refuses the subscription, the near cache stays off until it grants it: %s", reason)
        else:
            logger.info("The near cache is off until change messages arrive again: %s", reason)


async def _until_one_ends(*coroutines: Awaitable[object]) -> None:
    """Runs them until one ends, which ends the others; raises what it raised."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()
