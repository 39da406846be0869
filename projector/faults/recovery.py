"""Recovery: from the moment when all parts are back until everything is right again, and what is wrong if it is not."""

import asyncio
import json
import time
from dataclasses import dataclass, field

import psycopg
import redis

from projector.bench.keep_alive import KeepAlive
from projector.errors import ProjectorError
from projector.faults.judgement import Verdict, are_queues_empty, compare, what_waits
from projector.faults.world import World
from projector.names import LEASED_TIMERS_KEY, TIMERS_KEY
from projector.status import read_status

DEADLINE_SECONDS = 60.0
_POLL_SECONDS = 0.05
_OVERDUE_SECONDS = 5.0
_GONE_KEYS = 100


@dataclass(slots=True)
class Recovery:
    """How long it took; `faults` is empty where everything is right."""

    seconds: float = 0.0
    verdict: Verdict = field(default_factory=Verdict)
    faults: list[str] = field(default_factory=list)


def recover(
    world: World, *, since: float | None = None, seconds: float = DEADLINE_SECONDS, thorough: bool = False
) -> Recovery:
    """Commits a probe and waits until it is visible, both queues are empty, nothing is stuck and every document is
    right. A loss that the worker has not noticed yet shows in the documents: they are compared until they are right,
    or the time is over. With `thorough` at all their addresses and flags. `since` is the moment (time.monotonic) from
    which to count, if not this one."""
    began, recovery = time.monotonic() if since is None else since, Recovery()
    number = world.numbers.write_now()
    while True:
        moment = time.monotonic() - began
        recovery.faults = _what_is_missing(world, number)
        if not recovery.faults:
            recovery.verdict = _compare(world, thorough=thorough)
            recovery.faults = recovery.verdict.differences
        if not recovery.faults or moment > seconds:
            recovery.seconds = moment
            return recovery
        time.sleep(_POLL_SECONDS)


def _compare(world: World, *, thorough: bool) -> Verdict:
    with world.connect() as connection:
        gone = sorted(world.seen_keys)[-_GONE_KEYS:] if not thorough else world.seen_keys
        return compare(connection, world.crew.address, gone, brief=not thorough, flags=thorough)


def _what_is_missing(world: World, number: int) -> list[str]:
    try:
        if not _is_visible(world, number):
            return [f"the probe {number} is not visible in the API"]
        with world.connect() as connection:
            if not are_queues_empty(connection):
                return [f"the queues are not empty: {what_waits(connection)}"]
        return [*asyncio.run(read_status(world.settings)).problems, *_overdue(world)]
    except (psycopg.Error, redis.RedisError, OSError, ProjectorError) as error:
        return [f"{type(error).__name__}: {error}"]


def _is_visible(world: World, number: int) -> bool:
    with KeepAlive(world.crew.api_port) as client:
        reply = client.get(world.numbers.path)
    return reply.status == 200 and json.loads(reply.body)["data"]["product"]["weight"] == number


def _overdue(world: World) -> list[str]:
    """Timers that should have fired, and leases of timers whose worker is gone."""
    with world.connect() as connection:
        row = connection.execute("SELECT extract(epoch FROM projector.now())::float8 * 1000000").fetchone()
        now = row[0] if row else 0.0
    late = now - _OVERDUE_SECONDS * 1e6
    with world.store.client as client:
        found = {name: client.zcount(name, "-inf", late) for name in (TIMERS_KEY, LEASED_TIMERS_KEY)}
    return [f"{count} timers of {name} are overdue" for name, count in found.items() if count]
