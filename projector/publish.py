"""Publish: fenced writes of documents, their change messages and their timers (D6, D7)."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self, TypeVar

import redis.asyncio
from redis.exceptions import NoScriptError, ResponseError

from projector.names import (
    CHANGES_CHANNEL,
    HEARTBEAT_FIELD,
    HEARTBEAT_KEY,
    LEASED_TIMERS_KEY,
    PUBLISHED_FIELD,
    TIMERS_KEY,
)
from projector.packed import call
from projector.points import reach
from projector.script import DUE, PUBLISH, Script
from projector.settings import Settings
from projector.shards import Client, state_keys
from projector.work import Built

T = TypeVar("T")

FENCED, UNCHANGED, CHANGED = 0, 1, 2
PIPELINE_LENGTH = 500
"""Commands sent at once: a batch of 4 KB documents is 2 MB in flight."""
TIMERS_PER_COMMAND = 1_000
LEASE_MICROSECONDS = 60_000_000


@dataclass(frozen=True, slots=True)
class Published:
    """How many documents of a batch changed, stayed the same bytes, and were fenced off as older."""

    changed: int
    unchanged: int
    fenced: int


@dataclass(frozen=True, slots=True)
class Replicas:
    """So many replicas of Redis must have a batch before it is acknowledged, within so long."""

    number: int = 0
    milliseconds: int = 0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The settings' number, within half the time that an answer of Redis may take."""
        return cls(settings.redis_wait_replicas, max(1, int(settings.redis_timeout_seconds * 500)))


@dataclass(slots=True)
class PublishCount:
    """A shard counts what is published. A count below one that it has answered with before means that it took back
    what it had acknowledged: restored from a file, or failed over to a replica that lagged."""

    value: int = 0
    went_back: bool = False

    def observe(self, count: int, before: int) -> None:
        """Takes an answer; `before` is the value known when the question was sent, so that answers may overtake."""
        if count < before:
            self.went_back = True
            self.value = count
        else:
            self.value = max(self.value, count)


class PublishCounts(defaultdict[str, PublishCount]):
    """One for each shard, by the key of its state."""

    def __init__(self) -> None:
        super().__init__(PublishCount)


class Publisher:
    """Writes what builders built. Any number of publishers may write the same documents at the same time."""

    def __init__(
        self,
        client: Client,
        tombstone_seconds: int,
        counts: PublishCounts | None = None,
        *,
        replicas: Replicas | None = None,
    ) -> None:
        self._client = client
        self._tombstone_seconds = str(tombstone_seconds)
        self._counts = PublishCounts() if counts is None else counts
        self._replicas = replicas or Replicas()

    async def load_scripts(self) -> None:
        """After every connect, so that the scripts are there before the first document."""
        for script in (PUBLISH, DUE):
            await self._client.script_load(script.text)

    async def publish(self, built: Built, heartbeat: int | None = None) -> Published:
        """Writes all documents of a batch, then their timers. Safe to repeat: the fence decides. A heartbeat goes
        last, by the same channel."""
        codes = [0, 0, 0]
        for place, commands in enumerate(_slices(self._document_commands(built), PIPELINE_LENGTH)):
            if place:
                reach("sliced")
            for code in await self._run(PUBLISH, 1, commands):
                codes[code] += 1
        reach("written")
        await self.set_timers(built)
        await self._confirm(built)
        if heartbeat is not None:
            await self._client.hset(HEARTBEAT_KEY, HEARTBEAT_FIELD, str(heartbeat))
            await self._client.publish(CHANGES_CHANNEL, HEARTBEAT_KEY)
        return Published(codes[CHANGED], codes[UNCHANGED], codes[FENCED])

    async def _confirm(self, built: Built) -> None:
        """Counts the batch in each shard that has a part of it, and waits until as many replicas as were asked for
        have that. A replica that has the count has all that was written before it, by whatever connection."""
        wanted = self._replicas
        keys = state_keys(self._client, _written_keys(built))
        before = [self._counts[key].value for key in keys]
        pipeline = self._client.pipeline(transaction=False)
        for key in keys:
            pipeline.hincrby(key, PUBLISHED_FIELD, 1)
            if wanted.number:
                self._wait(pipeline, key)
        answers = await pipeline.execute()
        step = 2 if wanted.number else 1
        for key, count, known in zip(keys, answers[::step], before, strict=True):
            self._counts[key].observe(count, known)
        if wanted.number and (replicas := min(answers[1::step], default=wanted.number)) < wanted.number:
            raise ResponseError(
                f"NOREPLICAS {replicas} of {wanted.number} replicas had a batch after {wanted.milliseconds} ms"
                " (PROJECTOR_REDIS_WAIT_REPLICAS)"
            )

    def _wait(self, pipeline: Any, key: str) -> None:
        """For the replicas of the server that has the key."""
        at = {}
        if isinstance(self._client, redis.asyncio.RedisCluster):
            at["target_nodes"] = self._client.get_node_from_key(key)
        pipeline.execute_command("WAIT", self._replicas.number, self._replicas.milliseconds, **at)

    async def set_timers(self, built: Built) -> None:
        """Sets timers, never later than they are: an older build that comes last must not put off what a newer one
        set. A timer that a newer build no longer wants fires once for nothing."""
        for timers in _slices(built.timers.items(), TIMERS_PER_COMMAND):
            await self._client.zadd(TIMERS_KEY, dict(timers), lt=True)

    async def take_due(self, now: int, limit: int) -> list[str]:
        """Timers due at `now` (unix microseconds), leased to the caller until it confirms them."""
        command = [TIMERS_KEY, LEASED_TIMERS_KEY, str(now), str(now + LEASE_MICROSECONDS), str(limit)]
        (timers,) = await self._run(DUE, 2, [command])
        return [timer.decode() for timer in timers]

    async def confirm_due(self, timers: Sequence[str]) -> None:
        """Their sections are queued. Whoever builds them sets the next timers, which are not touched here."""
        await self._client.zrem(LEASED_TIMERS_KEY, *timers)

    async def next_due(self) -> int | None:
        """When the next timer is due, in unix microseconds."""
        first = await self._client.zrange(TIMERS_KEY, 0, 0, withscores=True)
        return int(first[0][1]) if first else None

    async def has_due(self, now: int) -> bool:
        """Whether timers are due at `now`, or taken and not queued yet."""
        due = await self._client.zcount(TIMERS_KEY, "-inf", now)
        return bool(due or await self._client.zcard(LEASED_TIMERS_KEY))

    def _document_commands(self, built: Built) -> Iterator[list[Any]]:
        head = self._head(built, built.cause)
        heads = {cause: self._head(built, cause) for cause in set(built.causes.values())}
        own = {key: heads[cause] for key, cause in built.causes.items()}
        for key, sections in built.sections.items():
            failed = built.degraded.get(key)
            yield [key, *own.get(key, head), "put", json.dumps(failed) if failed else "", *sections]
        for key in built.degraded.keys() - built.sections.keys():
            yield [key, *own.get(key, head), "put", json.dumps(built.degraded[key])]
        for key in built.deleted:
            yield [key, *own.get(key, head), "delete"]

    def _head(self, built: Built, cause: str) -> list[Any]:
        version = built.version
        origin = f"{cause} {version.clock:017}" if cause else f"{version.clock:017}"
        return [version.text, origin, CHANGES_CHANNEL, self._tombstone_seconds]

    async def _run(self, script: Script, keys: int, commands: Sequence[Sequence[Any]]) -> list[Any]:
        if not commands:
            return []
        for _ in range(2):
            try:
                return await call(self._client, script, keys, commands)
            except NoScriptError:
                await self.load_scripts()
        return await call(self._client, script, keys, commands)


def _written_keys(built: Built) -> Iterator[str]:
    yield from built.sections
    yield from built.degraded
    yield from built.deleted
    if built.timers:
        yield TIMERS_KEY


def _slices(items: Iterable[T], length: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while part := list(islice(iterator, length)):
        yield part
