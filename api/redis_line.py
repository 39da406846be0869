"""The process's line to Redis: what requests ask at the same time travels as one batch."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Protocol, TypeVar, cast

import hiredis
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import AskError, InvalidResponse, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from api.errands import UNKNOWN, Call, Command, Errand, Reply, State
from api.tally import Tally
from projector.errors import SettingsError
from projector.names import BUILT, DOCUMENTS, INSTANCE_FIELD, STATE_KEY, built_field

logger = logging.getLogger(__name__)

Batch = dict[Hashable, Errand[Any]]
E = TypeVar("E", bound=Errand[Any])

_STATE_FIELDS = (*map(built_field, DOCUMENTS), INSTANCE_FIELD)
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 1.0
AWAY = (RedisError, OSError, TimeoutError)
"""What is met when Redis cannot be reached, or answers other than Redis does."""


class Observer(Protocol):
    """Whoever needs to know what happens around each batch."""

    def sending(self, shard: str = "") -> None:
        """A batch is about to be sent to a shard."""

    def observe(self, instance: bytes | None, shard: str = "") -> None:
        """Its replies are there, and come from this filling of the shard; they are settled next."""

    def landed(self, shard: str = "") -> None:
        """They are settled, or will never come."""


class Switchboard(Protocol):
    """Whoever knows the lines to the other shards of a cluster."""

    def redirect(self, errand: Errand[Any], error: AskError) -> bool:
        """Sends an errand on whose key is not here (any more); False where that is given up."""

    def look_again(self) -> None:
        """Something is not where it was."""


class RedisLine:
    """One connection with at most one pipelined batch under way; belongs to one event loop.

    Batches follow each other, so replies arrive in the order of the questions: no reader of this
    process sees a document go back. Nobody joins an errand that was sent already: a reply is never older
    than the request that it answers. While Redis is away every errand fails at once and one task tries to
    reconnect; none takes longer than two timeouts.
    """

    def __init__(
        self,
        url: str,
        timeout_seconds: float,
        observer: Observer | None = None,
        *,
        shard: str = "",
        switchboard: Switchboard | None = None,
        tally: Tally | None = None,
    ) -> None:
        self.state_key: str | None = STATE_KEY
        """None: nothing is known there of what is built."""
        self._shard = shard
        self._switchboard = switchboard
        self._timeout_seconds = timeout_seconds
        self._connection = make_connection(url, timeout_seconds)
        self._observer = observer
        self._tally = tally
        self._waiting: Batch = {}
        self._carrier: asyncio.Task[None] | None = None
        self._reviver: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Begins to connect, says so if Redis is away and goes on trying; closes at the end."""
        self.start()
        try:
            yield
        finally:
            await self.close()

    async def ask(self, *command: str | bytes | int) -> Reply:
        """The reply to one command, which must bear being sent twice; RedisError where there is none."""
        return await self.join(command, lambda: Call(command)).outcome()

    def join(self, name: Hashable, make: Callable[[], E]) -> E:
        """The errand of this name that goes with the next batch, made if there is none; RedisError while Redis is away.

        Errands of one name are of one class.
        """
        if self.is_away:
            raise RedisConnectionError("Redis is away")
        errand = self._waiting.get(name)
        if errand is None:
            errand = self._waiting[name] = make()
            if self._carrier is None or self._carrier.done():
                self.start()
        return cast("E", errand)

    def adopt(self, errand: Errand[Any], *, asking: bool = False) -> None:
        """Takes an errand over from another line; with `asking` of a slot that is just moving here."""
        try:
            if asking:
                self.join(("asking", id(errand)), lambda: Call(("ASKING",)))
            self.join(("adopted", id(errand)), lambda: errand)
        except RedisConnectionError as error:
            errand.fail(error)

    @property
    def is_away(self) -> bool:
        """Whether it tries to reconnect."""
        return self._reviver is not None and not self._reviver.done()

    def start(self) -> None:
        """Begins to connect."""
        self._carrier = asyncio.create_task(self._carry_all(), name="redis-line")

    async def _carry_all(self) -> None:
        """Carries what waits, and what came to wait meanwhile, until nothing does."""
        batch: Batch = {}
        try:
            while True:
                batch, self._waiting = self._waiting, {}
                await self._carry(batch)
                batch = {}  # all are settled, or on another line
                if not self._waiting:
                    break
        except AWAY as error:
            self._lose(error)
        finally:
            # Whatever ended it, nobody may be left waiting.
            _disappoint(batch | self._waiting)
            self._waiting = {}

    async def _carry(self, batch: Batch) -> None:
        errands = list(batch.values())
        try:
            state, values = await self._exchange([errand.command for errand in errands])
            for errand, value in zip(errands, values, strict=True):
                if not isinstance(value, RedisError):
                    errand.settle(value, state)
                elif not self._redirect(errand, value):
                    errand.fail(value)
        finally:
            if self._observer is not None:
                self._observer.landed(self._shard)

    def _redirect(self, errand: Errand[Any], error: RedisError) -> bool:
        if self._switchboard is None or not isinstance(error, AskError):
            return False
        return self._switchboard.redirect(errand, error)

    async def _exchange(self, commands: Sequence[Command]) -> tuple[State, list[Any]]:
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

    async def _exchange_once(self, commands: Sequence[Command]) -> tuple[State, list[Any]]:
        # The state is read before and after: a document that is missing in between is known not to
        # exist only if its kind was built throughout, not built or flushed meanwhile.
        connection = self._connection
        await connection.connect()  # type: ignore[no-untyped-call]
        key = self.state_key
        state_command: Command = ("PING",) if key is None else ("HMGET", key, *_STATE_FIELDS)
        packed = b"".join(_pack(command) for command in (state_command, *commands, state_command))
        if self._observer is not None:
            self._observer.sending(self._shard)
        try:
            await connection.send_packed_command(packed, check_health=False)
        except RuntimeError as error:  # uvloop says so of a connection that broke while it was idle
            raise RedisConnectionError(str(error)) from error
        replies = [await self._read_reply() for _ in range(len(commands) + 2)]
        before, *values, after = replies
        state = UNKNOWN if key is None else _both(self._state(before), self._state(after))
        if self._observer is not None:
            self._observer.observe(state.instance, self._shard)
        return state, values

    def _state(self, reply: Any) -> State:
        if isinstance(reply, AskError) and self._switchboard is not None:
            self._switchboard.look_again()  # the state has moved
            return UNKNOWN
        if isinstance(reply, RedisError):
            raise reply
        return _read_state(reply)

    async def _read_reply(self) -> Any:
        try:
            return await self._connection.read_response()
        except ResponseError as error:
            return error

    def _lose(self, error: Exception) -> None:
        reason = str(error) or f"no answer within {self._timeout_seconds:g} s"
        logger.warning("%s is away, answers are stale or 503 until it is back: %s", self._name, reason)
        if self._switchboard is not None:
            self._switchboard.look_again()
        self._reviver = asyncio.create_task(self._revive(), name="redis-line-reviver")

    async def _revive(self) -> None:
        """Tries to reach Redis until it answers, with growing pauses."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
            try:
                await self._exchange(())
            except AWAY as error:
                logger.debug("Redis is still away: %s", error)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            else:
                break
        self._reviver = None
        if self._tally is not None:
            self._tally.add("line_reconnects")
        logger.warning("%s is back", self._name)

    @property
    def _name(self) -> str:
        return f"Redis {self._shard}".rstrip()

    async def _hang_up(self) -> None:
        await self._connection.disconnect(nowait=True)

    async def finish(self) -> None:
        """Closes after what is under way."""
        try:
            while self._carrier is not None and not self._carrier.done():
                await asyncio.wait([self._carrier])
        finally:
            await self.close()

    async def close(self) -> None:
        """Whoever still waits is told that there is no answer."""
        tasks = [task for task in (self._carrier, self._reviver) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(*AWAY):
            await self._connection.disconnect()


def _pack(command: Command) -> bytes:
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # tuples of any length are meant
    return packed


def _disappoint(batch: Batch) -> None:
    for errand in batch.values():
        errand.fail(RedisConnectionError("Redis did not answer"))


def make_connection(url: str, timeout_seconds: float) -> AbstractConnection:
    """A connection, not connected yet; SettingsError if the URL is none."""
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


def _read_state(values: object) -> State:
    if not isinstance(values, list) or len(values) != len(DOCUMENTS) + 1:
        raise InvalidResponse(f"HMGET of the state was answered with {values!r}")
    *built, instance = values
    pairs = zip(DOCUMENTS, built, strict=True)
    return State(frozenset(document for document, value in pairs if value == BUILT), instance)


def _both(before: State, after: State) -> State:
    if before == after:
        return after
    same = before.instance == after.instance
    return State(before.built & after.built, after.instance if same else None)
