"""Connections to Redis for the side that writes: bounded in time, errors in one line."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import urlsplit

import redis.asyncio
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisClusterException, RedisError, ResponseError

from projector.errors import RedisUnavailable, SettingsError, one_line
from projector.settings import Settings
from projector.shards import SLOTS, Client, is_cluster, primaries, servers

LONGEST_OPEN_SECONDS = 25.0
"""However many servers of a cluster are tried in vain."""
FAILURES = (RedisError, RedisClusterException, OSError, TimeoutError)
"""What a client raises where its servers do not do what they are asked."""


@asynccontextmanager
async def open_redis(settings: Settings) -> AsyncIterator[Client]:
    """A client that has answered once, of a server or of all of a cluster; RedisUnavailable says why there is none."""
    url = settings.redis()
    first, *others = servers(url)
    client = cluster_client(url, settings) if others else _client(first, settings)
    try:
        try:
            async with asyncio.timeout(LONGEST_OPEN_SECONDS):
                if isinstance(client, redis.asyncio.Redis) and await _greet(client):
                    await client.aclose()
                    client = cluster_client(url, settings)
                if isinstance(client, redis.asyncio.RedisCluster):
                    await client.initialize()
                    await client.ping(target_nodes=primaries(client))
        except FAILURES as error:
            raise unavailable(url, error) from error
        yield client
    finally:
        await _close(client)


async def _close(client: Client) -> None:
    await client.aclose()
    if isinstance(client, redis.asyncio.RedisCluster):
        # After a failure the library believes that there is nothing to close.
        for nodes in ("nodes_cache", "startup_nodes"):
            await client.nodes_manager.aclose(nodes)


async def _greet(client: redis.asyncio.Redis) -> bool:
    """Whether the server, which answers, belongs to a cluster."""
    pipeline = client.pipeline(transaction=False)
    pipeline.execute_command("HELLO")  # something between may not know it
    pipeline.ping()
    greeting, pong = await pipeline.execute(raise_on_error=False)
    if isinstance(pong, Exception):
        raise pong
    return is_cluster(greeting)


async def infos(client: Client) -> dict[str, dict[str, Any]]:
    """What each server says of itself, by its address; that of a single one is empty."""
    if not isinstance(client, redis.asyncio.RedisCluster):
        return {"": await client.info()}
    return {node.name: await client.info(target_nodes=node) for node in primaries(client)}


async def slots_without_server(client: Client) -> int:
    """How many slots of a cluster belong to no shard."""
    if not isinstance(client, redis.asyncio.RedisCluster):
        return 0
    await client.nodes_manager.initialize()
    return SLOTS - len(client.nodes_manager.slots_cache)


async def refusals(client: Client) -> list[str]:
    """Why these servers take no writes at the moment, as far as they tell; sentences that say what to do."""
    try:
        found = await infos(client)
    except ResponseError:  # this account may not ask
        return []
    return [refusal for name, info in found.items() for refusal in _refusals(f"Redis {name}".rstrip(), info)]


def _refusals(name: str, info: dict[str, Any]) -> list[str]:
    found = []
    if info.get("role", "master") != "master":
        found.append(f"{name} is a read-only replica. Point PROJECTOR_REDIS_URL at the primary")
    used, limit = info.get("used_memory", 0), info.get("maxmemory", 0)
    if limit and used >= limit and info.get("maxmemory_policy") == "noeviction":
        found.append(f"{name} is full ({used} of {limit} bytes). Raise its maxmemory, or remove what is not ours")
    return found


def unavailable(url: str, error: BaseException) -> RedisUnavailable:
    reason = one_line(error).rstrip(".")
    return RedisUnavailable(
        f"Redis cannot be used ({_place(url)}): {reason}. Check PROJECTOR_REDIS_URL and that the server runs."
    )


def _client(url: str, settings: Settings) -> redis.asyncio.Redis:
    try:
        return redis.asyncio.Redis.from_url(
            url,
            socket_connect_timeout=settings.connect_timeout_seconds,
            socket_timeout=settings.redis_timeout_seconds,
            client_name="projector",
            **({} if url.startswith("unix:") else {"socket_keepalive": True}),
        )
    except ValueError:
        # The library's own message may quote a part of the password.
        raise SettingsError("PROJECTOR_REDIS_URL is no valid URL. Set it to one like redis://host:6379/0.") from None


def _retry() -> Retry:
    """Once, at once, where a connection was cut. By the library's own policy a command that is not answered would be
    sent ten times again, a minute in all, while nobody is told and its lane stands still."""
    return Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,))


def cluster_client(url: str, settings: Settings) -> redis.asyncio.RedisCluster:
    """A client that begins with the servers of this URL, and asks them for all others."""
    try:
        first, *others = servers(url)
        nodes = [ClusterNode(str(parts.hostname), parts.port or 6379) for parts in map(urlsplit, others)]
        return redis.asyncio.RedisCluster.from_url(
            first,
            startup_nodes=nodes,
            require_full_coverage=False,  # the servers themselves decide what they answer
            socket_connect_timeout=settings.connect_timeout_seconds,
            socket_timeout=settings.redis_timeout_seconds,
            client_name="projector",
            retry=_retry(),
        )
    except ValueError:
        raise SettingsError(
            "PROJECTOR_REDIS_URL is no valid URL. Set it to one like redis://host:6379/0, for a cluster like"
            " redis://host-a:6379,host-b:6379."
        ) from None
    except RedisClusterException as error:
        reason = one_line(error).rstrip(".")
        raise SettingsError(f"PROJECTOR_REDIS_URL cannot be used with a Redis Cluster: {reason}.") from None


def _place(url: str) -> str:
    if url.startswith("unix:"):
        return urlsplit(url).path
    places = [urlsplit(server) for server in servers(url)]
    return ", ".join(f"{parts.hostname}:{parts.port or 6379}" for parts in places)


async def scan_keys(client: Client, pattern: str) -> AsyncIterator[str]:
    """Keys by pattern, without blocking the servers; a key may come twice."""
    place = ""
    while True:
        place, keys = await scan_step(client, place, pattern, 1_000)
        for key in keys:
            yield key.decode(errors="replace")
        if not place:
            break


async def scan_step(client: Client, place: str, pattern: str, count: int) -> tuple[str, list[bytes]]:
    """Some keys behind a place, and the next place; empty at the beginning and at the end. In a cluster it names the
    server, too: one server's keys come after the other's."""
    if not isinstance(client, redis.asyncio.RedisCluster):
        cursor, keys = await client.scan(int(place) if place.isdecimal() else 0, match=pattern, count=count)
        return str(cursor) if cursor else "", cast("list[bytes]", keys)
    name, _, start = place.rpartition(" ")
    nodes = [node for node in primaries(client) if node.name >= name]
    if not nodes:
        return "", []
    node, *others = nodes
    cursor = int(start) if node.name == name else 0
    cursors, keys = await client.scan(cursor, match=pattern, count=count, target_nodes=node)
    if cursor := cast("dict[str, int]", cursors)[node.name]:
        return f"{node.name} {cursor}", cast("list[bytes]", keys)
    return f"{others[0].name} 0" if others else "", cast("list[bytes]", keys)
