"""Connections to Redis for the side that writes: bounded in time, errors in one line."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import redis.asyncio
from redis.exceptions import RedisError, ResponseError

from projector.errors import RedisUnavailable, SettingsError
from projector.settings import Settings


@asynccontextmanager
async def open_redis(settings: Settings) -> AsyncIterator[redis.asyncio.Redis]:
    """A client that has answered once; RedisUnavailable says why there is none."""
    url = settings.redis()
    client = _client(url, settings)
    try:
        await ping(client, url)
        yield client
    finally:
        await client.aclose()


async def ping(client: redis.asyncio.Redis, url: str) -> None:
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        raise unavailable(url, error) from error


async def refusals(client: redis.asyncio.Redis) -> list[str]:
    """Why this server takes no writes at the moment, as far as it tells; sentences that say what to do."""
    try:
        info: dict[str, Any] = await client.info()
    except ResponseError:  # this account may not ask
        return []
    found = []
    if info.get("role", "master") != "master":
        found.append("Redis is a read-only replica. Point PROJECTOR_REDIS_URL at the primary")
    used, limit = info.get("used_memory", 0), info.get("maxmemory", 0)
    if limit and used >= limit and info.get("maxmemory_policy") == "noeviction":
        found.append(f"Redis is full ({used} of {limit} bytes). Raise its maxmemory, or remove what is not ours")
    return found


def unavailable(url: str, error: BaseException) -> RedisUnavailable:
    reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
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


def _place(url: str) -> str:
    parts = urlsplit(url)
    return parts.path if parts.scheme == "unix" else f"{parts.hostname}:{parts.port or 6379}"


async def scan_keys(client: redis.asyncio.Redis, pattern: str) -> AsyncIterator[str]:
    """Keys by pattern, without blocking the server; a key may come twice."""
    async for key in client.scan_iter(match=pattern, count=1_000):
        yield key.decode()
