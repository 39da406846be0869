"""The process's lines to Redis: one, or one for each shard of a cluster, made as the cluster says and changes."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.exceptions import AskError, MovedError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from api.errands import Errand, Reply
from api.redis_line import AWAY, E, Observer, RedisLine
from api.tally import Tally
from api.topology import Shard, find_shards, place_of
from projector.shards import SLOTS, servers, slot_of, with_address

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.25
_MOST_HOPS = 5


class Lines:
    """Belongs to one event loop. Whether Redis is a cluster is asked at the start until there is an answer, and where
    its slots lie whenever a shard is away or has moved one. A shard that is away leaves the others undisturbed."""

    def __init__(
        self, url: str, timeout_seconds: float, observer: Observer | None = None, tally: Tally | None = None
    ) -> None:
        self._urls = servers(url)
        self._timeout_seconds = timeout_seconds
        self._observer = observer
        self._tally = tally
        self._plain: RedisLine | None = self._make(self._urls[0])
        """The line to a single server, or to what may be one."""
        self._is_single = False
        self._shards: dict[str, RedisLine] = {}
        self._by_slot: list[RedisLine | None] = [None] * SLOTS
        self._looking: asyncio.Task[None] | None = None
        self._is_look_wanted = False
        self._is_refused = False
        self._retiring: set[asyncio.Task[None]] = set()
        self.moved = asyncio.Event()
        """Set, and replaced by another, when the servers are others than before."""

    @property
    def urls(self) -> list[str]:
        """The servers that hold documents, from which change messages come."""
        return list(self._shards) if self._plain is None else [self._urls[0]]

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Begins to connect, says so if Redis is away and goes on trying; closes at the end."""
        if self._plain is not None:
            self._plain.start()
        self.look_again()
        try:
            yield
        finally:
            await self._close()

    def join(self, key: bytes, make: Callable[[], E]) -> E:
        """The errand about this key that goes with its shard's next batch, made if there is none; RedisError while the
        shard is away."""
        return self._line_of(key).join(key, make)

    async def ask(self, key: str, *command: str | bytes | int) -> Reply:
        """The reply to one command about a key, which must bear being sent twice; RedisError where there is none."""
        return await self._line_of(key).ask(*command)

    async def look(self) -> frozenset[str]:
        """What all shards say to be built; RedisError where one is away."""
        lines = {self._plain} if self._plain else set(self._by_slot)
        replies = await asyncio.gather(*(line.ask("PING") for line in lines if line is not None))
        if None in lines:
            raise RedisConnectionError("some slots belong to no shard")
        return frozenset[str].intersection(*(reply.state.built for reply in replies))

    def redirect(self, errand: Errand[Any], error: AskError) -> bool:
        """Sends an errand on whose key has moved, or is just moving; False where that was done too often."""
        errand.hops += 1
        if errand.hops > _MOST_HOPS:
            return False
        url = with_address(self._urls[0], error.host, error.port)
        line = self._shards.get(url)
        if line is None:
            line = self._shards[url] = self._make(url, place_of(url))
            line.state_key = None
        is_moved = isinstance(error, MovedError)
        if is_moved:
            self._by_slot[error.slot_id] = line
            self._is_single = False
            self.look_again()
        line.adopt(errand, asking=not is_moved)
        return True

    def look_again(self) -> None:
        """Asks where the slots lie, soon."""
        self._is_look_wanted = not self._is_single
        if self._is_look_wanted and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look(), name="redis-lines")

    def _line_of(self, key: str | bytes) -> RedisLine:
        line = self._plain or self._by_slot[slot_of(key)]
        if line is None:
            raise RedisConnectionError("the key's slot belongs to no shard")
        return line

    async def _look(self) -> None:
        """Until it is known, and no shard is away."""
        while self._is_look_wanted or any(line.is_away for line in self._shards.values()):
            self._is_look_wanted = False
            try:
                shards = await find_shards(self._known(), self._timeout_seconds)
            except AWAY as error:
                self._is_look_wanted = True
                self._explain(error)
            else:
                self._is_refused = False
                if shards is not None:
                    self._take(shards)
                elif self._plain is not None:
                    self._is_single = True
                    break
            await asyncio.sleep(_LOOK_SECONDS * random.uniform(0.5, 1))  # noqa: S311

    def _explain(self, error: Exception) -> None:
        """Servers that cannot be reached are told of by their lines."""
        if isinstance(error, ResponseError) and not self._is_refused:
            self._is_refused = True
            logger.warning("Redis refuses to say where its slots lie, CLUSTER SLOTS has to be granted: %s", error)

    def _known(self) -> list[str]:
        """All servers, those first that answered of late."""
        urls = sorted(self._shards, key=lambda url: self._shards[url].is_away)
        return list(dict.fromkeys([*urls, *self._urls]))

    def _take(self, shards: Sequence[Shard]) -> None:
        urls, lines = self.urls, self._shards
        self._shards, self._by_slot = {}, [None] * SLOTS
        for shard in shards:
            line = lines.pop(shard.url) if shard.url in lines else self._make(shard.url, place_of(shard.url))
            self._shards[shard.url] = line
            line.state_key = shard.state_key
            for slots in shard.slots:
                self._by_slot[slots.start : slots.stop] = [line] * len(slots)
        for left in lines.values():
            self._retire(left)
        if self._plain is not None:
            if self._plain.is_away:
                logger.warning("Redis is back")  # elsewhere
            self._retire(self._plain)
            self._plain = None
        if self.urls != urls:
            self.moved.set()
            self.moved = asyncio.Event()

    def _make(self, url: str, place: str = "") -> RedisLine:
        return RedisLine(url, self._timeout_seconds, self._observer, shard=place, switchboard=self, tally=self._tally)

    def _retire(self, line: RedisLine) -> None:
        task = asyncio.create_task(line.finish())
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _close(self) -> None:
        self._is_single = True  # nobody looks any more
        tasks = [*self._retiring, *([self._looking] if self._looking else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        lines = [*self._shards.values(), *([self._plain] if self._plain else [])]
        await asyncio.gather(*(line.close() for line in lines))
