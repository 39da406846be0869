"""Status: what flows, what waits, and what is wrong, at one moment."""

import json
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from projector.database import AsyncDatabase, connect
from projector.definitions import package_fingerprint
from projector.errors import NotInstalled, RedisUnavailable
from projector.names import TIMERS_KEY
from projector.redis_server import open_redis, refusals
from projector.settings import Settings
from projector.shards import Client
from projector.sql import read_query
from projector.state import read_built
from projector.trigger_watch import find_faults

LATE_SECONDS = 30.0
"""An event that waits longer means that nobody works, or not fast enough."""


@dataclass(frozen=True, slots=True)
class Draining:
    """How far the backlog's drain is since it was last empty, in rows, and how long it may still take."""

    total: int
    done: int
    per_second: float
    seconds_left: float | None

    @classmethod
    def from_counts(cls, waiting: int, done: int, seconds: float) -> "Draining":
        rate = done / seconds if seconds > 0 else 0.0
        left = round(waiting / rate, 1) if rate else None
        return cls(waiting + done, done, round(rate, 1), left)


@dataclass(slots=True)
class Status:
    """All figures; `problems` are sentences that say what to do."""

    version: str = ""
    timezone: str = ""
    workers: int = 0
    events_waiting: int = 0
    oldest_event_seconds: float = 0.0
    backlog: dict[str, int] = field(default_factory=dict)
    fanouts_waiting: int = 0
    draining: Draining | None = None
    rebuilding: dict[str, str] = field(default_factory=dict)
    dead_letters: int = 0
    capture_faults: dict[str, str] = field(default_factory=dict)
    """Tables whose triggers cannot tell what changed, and why."""
    paused_at: str | None = None
    broken: dict[str, str] = field(default_factory=dict)
    """Sections that are broken as a whole, with the error."""
    audited_at: str | None = None
    """The audit has compared every document since then; None before its first whole pass."""
    drift_last_day: int = 0
    drift: list[dict[str, Any]] = field(default_factory=list)
    """The newest differences that the audit found."""
    trigger_faults: list[str] = field(default_factory=list)
    redis_reachable: bool = False
    built: dict[str, bool] = field(default_factory=dict)
    timers: int = 0
    timers_due: int = 0
    problems: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def read_status(settings: Settings) -> Status:
    """Asks both servers; NotInstalled or DatabaseUnavailable where there is nothing to ask."""
    status = Status()
    async with await connect(settings, "status") as connection:
        await _read_database(connection, status)
    try:
        async with open_redis(settings) as client:
            await _read_redis(client, status, settings.clock_offset_seconds)
    except RedisUnavailable as error:
        status.problems.append(str(error))
    _judge(status)
    return status


async def _read_database(connection: AsyncDatabase, status: Status) -> None:
    cursor = await connection.execute("SELECT to_regclass('projector.installation') IS NOT NULL")
    if await cursor.fetchone() != (True,):
        raise NotInstalled("projector is not installed in this database. Run: projector install")
    cursor = await connection.execute(read_query("status"))
    row = await cursor.fetchone()
    if row is None:
        raise NotInstalled("The installation in this database is incomplete. Run: projector install")
    (
        status.version, fingerprint, status.timezone, status.workers, status.events_waiting,
        status.oldest_event_seconds, backlog, status.fanouts_waiting, rebuilding, status.dead_letters, broken,
        progress, status.drift_last_day, drift, status.audited_at,
        capture_faults, status.paused_at,
    ) = row  # fmt: skip
    status.broken = json.loads(broken or "{}")
    status.backlog, status.rebuilding = json.loads(backlog or "{}"), json.loads(rebuilding or "{}")
    status.drift = json.loads(drift or "[]")
    if progress and status.backlog:
        status.draining = Draining.from_counts(sum(status.backlog.values()), **json.loads(progress))
    status.trigger_faults = [f"{fault} is {what}" for fault, what in (await find_faults(connection)).items()]
    status.capture_faults = json.loads(capture_faults or "{}")
    if fingerprint != package_fingerprint():
        status.problems.append("The database has another version's definitions. Run: projector install")


async def _read_redis(client: Client, status: Status, offset_seconds: float) -> None:
    status.built = await read_built(client)
    status.redis_reachable = True
    status.timers = await client.zcard(TIMERS_KEY)
    # By this host's clock: timers a second late are no trouble.
    due = int((time.time() + offset_seconds) * 1e6)
    status.timers_due = await client.zcount(TIMERS_KEY, "-inf", due)
    status.problems += await refusals(client)


def _judge(status: Status) -> None:
    if status.oldest_event_seconds > LATE_SECONDS:
        remedy = "Start one: projector run" if status.workers == 0 else "See its log"
        status.problems.append(
            f"Change events wait for {status.oldest_event_seconds:.0f} s with {status.workers} workers. {remedy}"
        )
    status.problems += [
        f"Trigger {fault}, changes are not noticed. Run: projector install" for fault in status.trigger_faults
    ]
    if status.drift_last_day:
        status.problems.append(
            f"The audit found {status.drift_last_day} differences in 24 h: something goes around the triggers, or"
            " writes to Redis. See the table projector.drift"
        )
    if status.paused_at:
        status.problems.append(f"Capture is paused since {status.paused_at}. Run: projector resume")
    for table, fault in status.capture_faults.items():
        status.problems.append(
            f"The triggers of {table} cannot tell what changed ({fault}), and each change rebuilds everything that"
            " reads it. Run: projector install"
        )
    if number := status.dead_letters:
        status.problems.append(
            f"{number} section{'s' * (number > 1)} of documents cannot be built, and older bytes are served."
            " Run: projector dead-letters list"
        )
    status.problems += [
        f"Section {name} is broken as a whole, and documents hold older bytes: {error}. Run: projector check"
        for name, error in status.broken.items()
    ]
    if unbuilt := [document for document, built in status.built.items() if not built]:
        status.problems.append(
            f"Never built completely: {', '.join(unbuilt)}. Start a worker or run: projector rebuild"
        )
