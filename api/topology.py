"""Which servers hold the read model: one, or the shards of a Redis Cluster, as they say themselves."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, ResponseError

from api.redis_line import AWAY, make_connection
from projector.shards import cluster_state_keys, is_cluster, with_address


@dataclass(frozen=True, slots=True)
class Shard:
    """One server of a cluster, and the hash slots that it holds."""

    url: str
    slots: tuple[range, ...]

    @property
    def state_key(self) -> str | None:
        """The key of its state; None where it holds too few slots to have one."""
        return next((key for slot, key in cluster_state_keys().items() if any(slot in it for it in self.slots)), None)


def place_of(url: str) -> str:
    """The address of a server, for people."""
    return urlsplit(url).netloc.rpartition("@")[2]


async def find_shards(urls: Iterable[str], timeout_seconds: float) -> Sequence[Shard] | None:
    """The shards, as the first of these servers that answers says; None if that is not part of a cluster. One of AWAY
    where none answers."""
    failure: Exception = RedisConnectionError("no server is named")
    for url in urls:
        connection = make_connection(url, timeout_seconds)
        try:
            async with asyncio.timeout(timeout_seconds):
                return await _ask(connection, url)
        except AWAY as error:
            failure = error
        finally:
            await connection.disconnect(nowait=True)
    raise failure


async def _ask(connection: AbstractConnection, url: str) -> Sequence[Shard] | None:
    await connection.connect()  # type: ignore[no-untyped-call]
    await connection.send_command("HELLO", check_health=False)
    try:
        greeting = await connection.read_response()
    except ResponseError:  # something between that does not know it
        return None
    if not is_cluster(greeting):
        return None
    await connection.send_command("CLUSTER", "SLOTS", check_health=False)
    return _read_slots(await connection.read_response(), url)


def _read_slots(reply: Any, url: str) -> Sequence[Shard]:
    slots: dict[str, list[range]] = {}
    try:
        for first, last, (host, port, *_), *_ in reply:
            slots.setdefault(with_address(url, (host or b"").decode(), port), []).append(range(first, last + 1))
    except (TypeError, ValueError):
        raise InvalidResponse(f"CLUSTER SLOTS was answered with {reply!r}") from None
    return [Shard(url, tuple(ranges)) for url, ranges in slots.items()]
