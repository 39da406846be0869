"""Whether Redis is as an installation needs it: each server of it writable, with room, and without what may lose it."""

import re
from collections.abc import Iterator
from typing import Any, Final

from projector.errors import ProjectorError
from projector.findings import Finding, Level
from projector.redis_server import infos, open_redis, slots_without_server
from projector.settings import Settings
from projector.shards import servers
from projector.surroundings import is_local

_SAFE_POLICY: Final = "noeviction"
_OLDEST: Final = (6, 2)
_FULL, _NEARLY_FULL = 1.0, 0.85
_HOST: Final = re.compile(r"\w+://(?:[^@/]*@)?(?P<host>\[[^]]+]|[^:/?]+)")


async def check_redis(settings: Settings) -> list[Finding]:
    """All servers of it; one that cannot be reached is a finding, too."""
    try:
        async with open_redis(settings) as client:
            found = await infos(client)
            unserved = await slots_without_server(client)
    except ProjectorError as error:
        return [Finding(Level.ERROR, "redis", str(error))]
    findings = [*_check_way(settings.redis())]
    for name, info in found.items():
        subject = f"redis {name}".rstrip()
        findings += [_check_role(subject, info), _check_memory(subject, info)]
        findings += [*_check_replicas(subject, info, settings.redis_wait_replicas), *_check_files(subject, info)]
    if unserved:
        message = f"{unserved} slots of the cluster belong to no shard. Look for them with CLUSTER SLOTS"
        findings.append(Finding(Level.ERROR, "redis", message))
    return findings


def _check_role(subject: str, info: dict[str, Any]) -> Finding:
    version = str(info.get("redis_version"))
    if info.get("role") != "master":
        return Finding(
            Level.ERROR,
            subject,
            "this server is a replica and cannot be written. Point PROJECTOR_REDIS_URL at the primary",
        )
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < _OLDEST:
        return Finding(Level.ERROR, subject, f"version {version} is too old. 6.2 or newer is needed, or Valkey")
    return Finding(Level.OK, subject, f"version {version}, writable")


def _check_memory(subject: str, info: dict[str, Any]) -> Finding:
    memory = subject.replace("redis", "redis memory", 1)
    policy, limit, used = info.get("maxmemory_policy", "unknown"), info.get("maxmemory", 0), info.get("used_memory", 0)
    if limit and policy != _SAFE_POLICY and not policy.startswith("volatile-"):
        return Finding(
            Level.WARNING, memory, f"policy {policy} may drop documents. Set maxmemory-policy to {_SAFE_POLICY}"
        )
    if limit and used >= _NEARLY_FULL * limit:
        level = Level.ERROR if used >= _FULL * limit else Level.WARNING
        return Finding(
            level, memory, f"{used} of {limit} bytes are used, and a full Redis stops all publishing. Raise maxmemory"
        )
    return Finding(Level.OK, memory, f"policy {policy}, {used} bytes used, limit {limit or 'none'}")


def _check_replicas(subject: str, info: dict[str, Any], wanted: int) -> Iterator[Finding]:
    connected = info.get("connected_slaves", 0)
    if connected < wanted:
        yield Finding(
            Level.ERROR, subject.replace("redis", "redis replicas", 1), f"{connected} are connected, and"
            f" PROJECTOR_REDIS_WAIT_REPLICAS asks for {wanted}: no batch is acknowledged. Repair them, or ask for less",
        )  # fmt: skip


def _check_way(url: str) -> Iterator[Finding]:
    places = [found["host"].strip("[]") for it in servers(url) if (found := _HOST.match(it))]
    if url.startswith("redis:") and (far := [place for place in places if not is_local(place)]):
        yield Finding(
            Level.WARNING, "redis tls", f"the connection to {', '.join(far)} is not encrypted."
            " Use rediss:// in PROJECTOR_REDIS_URL, where the network is not your own",
        )  # fmt: skip


def _check_files(subject: str, info: dict[str, Any]) -> Iterator[Finding]:
    """As far as INFO tells: the worker's account may not read the configuration. Replicas make snapshots, too."""
    if (saves := info.get("rdb_saves", 0)) and not info.get("connected_slaves"):
        message = f"{saves} were written: one that fails stops all writes, and a restart from one costs a rebuild."
        yield Finding(
            Level.WARNING, subject.replace("redis", "redis snapshots", 1), f"{message} Set save to an empty text"
        )
    if info.get("aof_enabled"):
        message = "is on: unless it is flushed always, a restart from it costs a rebuild all the same."
        yield Finding(
            Level.WARNING, subject.replace("redis", "redis append-only file", 1), f"{message} Set appendonly to no"
        )
