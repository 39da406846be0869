"""The process's line to Redis: what requests ask at the same time travels as one batch."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, RedisError, ResponseError

from projector.errors import SettingsError
from projector.names import BUILT, DOCUMENTS, STATE_KEY, built_field

logger = logging.getLogger(__name__)

Command = tuple[str | bytes | int, ...]

_STATE: Command = ("HMGET", STATE_KEY, *map(built_field, DOCUMENTS))
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 1.0
_AWAY = (RedisError, OSError, TimeoutError)
"""What the line meets when Redis cannot be reached, or answers other than Redis does."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What Redis replied, and the document kinds that were built before as well as after it."""

    value: Any
    built: frozenset[str]


Batch = dict[Command, asyncio.Future[Reply | RedisError]]


class RedisLine:
    """One connection with at most one pipelined batch under way; belongs to one event loop.

    Batches follow each other, so replies arrive in the order of the questions: no reader of this
    process sees a document go back. A command asked for twice in one batch is sent once. While Redis
    is away every question fails at once and one task tries to reconnect; no question waits longer
    than two timeouts.
    """

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._connection = _make_connection(url, timeout_seconds)
        self._waiting: Batch = {}
        self._carrier: asyncio.Task[None] | None = None
        self._reviver: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Begins to connect, says so if Redis is away and goes on trying; closes at the end."""
        self._start()
        try:
            yield
        finally:
            await self._close()

    async def ask(self, *command: str | bytes | int) -> Reply:
        """The reply to one command, which must bear being sent twice; RedisError where there is none."""
        if self._reviver is not None and not self._reviver.done():
            raise RedisConnectionError("Redis is away")
        # Shielded because others may wait for the same reply.
        outcome = await asyncio.shield(self._enqueue(command))
        if isinstance(outcome, RedisError):
            raise outcome
        return outcome

    def _enqueue(self, command: Command) -> asyncio.Future[Reply | RedisError]:
        future = self._waiting.get(command)
        if future is None:
            future = self._waiting[command] = asyncio.get_running_loop().create_future()
        if self._carrier is None or self._carrier.done():
            self._start()
        return future

    def _start(self) -> None:
        self._carrier = asyncio.create_task(self._carry_all(), name="redis-line")

    async def _carry_all(self) -> None:
        """Carries what waits, and what came to wait meanwhile, until nothing does."""
        batch: Batch = {}
        try:
            while True:
                batch, self._waiting = self._waiting, {}
                await self._carry(batch)
                if not self._waiting:
                    break
        except _AWAY as error:
            self._lose(error)
        finally:
            # Whatever ended it, nobody may be left waiting.
            _disappoint(batch | self._waiting)
            self._waiting = {}

    async def _carry(self, batch: Batch) -> None:
        built, values = await self._exchange(tuple(batch))
        for future, value in zip(batch.values(), values, strict=True):
            future.set_result(value if isinstance(value, RedisError) else Reply(value, built))

    async def _exchange(self, commands: Sequence[Command]) -> tuple[frozenset[str], list[Any]]:
        """Sends the commands; a connection that died while it was idle is replaced once."""
        was_idle = self._connection.is_connected
        async with AsyncExitStack() as failing:
            # A connection with replies yet to come would answer the next question with them.
            failing.push_async_callback(self._hang_up)
            async with asyncio.timeout(self._timeout_seconds):
                try:
                    replies = await self._exchange_once(commands)
                except (RedisConnectionError, OSError):
                    if not was_idle:
                        raise
                    await self._hang_up()
                    replies = await self._exchange_once(commands)
            failing.pop_all()
        return replies

    async def _exchange_once(self, commands: Sequence[Command]) -> tuple[frozenset[str], list[Any]]:
        # The state is read before and after: a document that is missing in between is known not to
        # exist only if its kind was built throughout, not built or flushed meanwhile.
        connection = self._connection
        await connection.connect()  # type: ignore[no-untyped-call]
        packed = connection.pack_commands((_STATE, *commands, _STATE))
        await connection.send_packed_command(packed, check_health=False)
        before = _read_state(await connection.read_response())
        values = [await self._read_reply() for _ in commands]
        return before & _read_state(await connection.read_response()), values

    async def _read_reply(self) -> Any:
        try:
            return await self._connection.read_response()
        except ResponseError as error:
            return error

    def _lose(self, error: Exception) -> None:
        reason = str(error) or f"no answer within {self._timeout_seconds:g} s"
        logger.warning("Redis is away, every answer is a 503 until it is back: %s", reason)
        self._reviver = asyncio.create_task(self._revive(), name="redis-line-reviver")

    async def _revive(self) -> None:
        """Tries to reach Redis until it answers, with growing pauses."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
            try:
                await self._exchange(())
            except _AWAY as error:
                logger.debug("Redis is still away: %s", error)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            else:
                break
        self._reviver = None
        logger.warning("Redis is back")

    async def _hang_up(self) -> None:
        await self._connection.disconnect(nowait=True)

    async def _close(self) -> None:
        tasks = [task for task in (self._carrier, self._reviver) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(*_AWAY):
            await self._connection.disconnect()


def _disappoint(batch: Batch) -> None:
    for future in batch.values():
        if not future.done():
            future.set_result(RedisConnectionError("Redis did not answer"))


def _make_connection(url: str, timeout_seconds: float) -> AbstractConnection:
    # socket_timeout would cost a timer for each reply; one timeout bounds the whole batch instead.
    try:
        pool = ConnectionPool.from_url(
            url,
            protocol=2,
            socket_connect_timeout=timeout_seconds,
            socket_timeout=None,
        )
        connection: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, RedisError):  # their text may hold parts of a password
        raise SettingsError(
            "PROJECTOR_REDIS_URL cannot be read as a URL. "
            "Set it, with percent-encoded user and password, for example to redis://host:6379/0."
        ) from None
    return connection


def _read_state(values: object) -> frozenset[str]:
    if not isinstance(values, list) or len(values) != len(DOCUMENTS):
        raise InvalidResponse(f"HMGET {STATE_KEY} was answered with {values!r}")
    pairs = zip(DOCUMENTS, values, strict=True)
    return frozenset(document for document, value in pairs if value == BUILT)
