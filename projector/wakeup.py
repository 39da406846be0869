"""The wake-up handshake (D4): a busy worker is not notified, a sleeping one always is."""

import asyncio
import logging
import time
from enum import Enum

from projector.database import AsyncDatabase
from projector.errors import DatabaseUnavailable
from projector.tally import Tally
from projector.tasks import wait_within

log = logging.getLogger(__name__)

CHANNEL = "projector_wakeup"
LISTENER_NAME = "projector listen"
"""The session that listens, one for each worker, as pg_stat_activity shows it."""
MEMORY = 0.9
"""How much of the pressure stays from one claim to the next."""
BUSY_PRESSURE, CALM_PRESSURE = 0.4, 0.1
"""Above the one, polling is cheaper for the ERP than notifying; below the other, the worker may sleep again.

Pressure is the share of claims that found several events, or one close behind the last. Changes further apart are no
pressure: a notification is the quickest way to each.
"""
CLOSE_SECONDS = 0.0022
CROWD, QUEUE = 5, 1_000
"""So many events at once leave no doubt; so many are worked off without a rest."""
BUSY_POLL_SECONDS = 0.002
BUSY_REST_SECONDS, CROWD_REST_SECONDS = 0.005, 0.01
"""Under pressure a worker rests so long before it claims again: fewer and larger batches take less of the processors
that the ERP shares. Alone, an event waits for nobody."""
LINGER_SECONDS = 0.1
"""A busy worker that finds nothing for so long goes to sleep."""
SETTLE_POLL_SECONDS = 0.02
HEARTBEAT_SECONDS = 5.0


class Signal:
    """An event that also ends waiting when the process stops."""

    def __init__(self, stopping: asyncio.Event) -> None:
        self._event = asyncio.Event()
        self._stopping = stopping

    def set(self) -> None:
        self._event.set()

    async def wait(self, seconds: float) -> bool:
        """Notified, or `seconds` over, or stopping; says whether notified."""
        if not self._stopping.is_set():
            await wait_within(self._event, seconds)
        notified = self._event.is_set()
        self._event.clear()
        return notified


class _State(Enum):
    BUSY = "writers do not notify; we poll"
    SETTLING = "writers notify, but those that began earlier may not have seen the flag: we poll until they ended"
    ASLEEP = "every writer notifies"


class Sleeper:
    """Decides how an idle worker waits for change events.

    The flag is set before the present xid is taken. A writer has its xid before it reads the flag (it wrote its
    event first), so a writer that read the old flag is older than that xid, and settling outlasts it.
    """

    def __init__(self, connection: AsyncDatabase, signal: Signal, poll_interval_seconds: float, tally: Tally) -> None:
        self._tally = tally
        self._connection = connection
        self._signal = signal
        self._poll_interval_seconds = poll_interval_seconds
        self._state = _State.BUSY
        self._pressure = 0.0
        self._last_work = 0.0
        self._settled_after = 0

    async def found_work(self, events: int) -> None:
        """Call after each claim that found changes; heartbeats are no pressure."""
        now = time.monotonic()
        pressed = events > 1 or now - self._last_work < CLOSE_SECONDS
        memory = 0.0 if events >= CROWD else MEMORY
        self._pressure = memory * self._pressure + (1 - memory) * pressed
        self._last_work = now
        if self._pressure > BUSY_PRESSURE and self._state is not _State.BUSY:
            self._state = _State.BUSY
            await self._set_flag(asleep=False)
        if self._state is _State.BUSY and events < QUEUE:
            await self._signal.wait(BUSY_REST_SECONDS if events < CROWD else CROWD_REST_SECONDS)

    async def wait(self) -> None:
        """Call after each claim that found nothing; claim again when it returns."""
        if self._state is _State.BUSY:
            if self._pressure > CALM_PRESSURE and time.monotonic() - self._last_work < LINGER_SECONDS:
                await self._signal.wait(BUSY_POLL_SECONDS)
            else:
                await self._fall_asleep()
        elif self._state is _State.ASLEEP:
            if await self._signal.wait(self._poll_interval_seconds):
                self._tally.notified += 1
            else:
                self._tally.polled += 1
        elif await self._has_settled():
            # The last of the older transactions may have ended after the claim that found nothing: claim once more.
            self._state = _State.ASLEEP
        else:
            await self._signal.wait(min(SETTLE_POLL_SECONDS, self._poll_interval_seconds))

    async def leave(self) -> None:
        """On a clean stop: writers notify whoever is left, and nobody where nobody is."""
        cursor = await self._connection.execute(
            "SELECT count(*) > 1 FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()",
            (LISTENER_NAME,),
        )
        row = await cursor.fetchone()
        await self._set_flag(asleep=bool(row and row[0]))

    async def _fall_asleep(self) -> None:
        await self._set_flag(asleep=True)
        cursor = await self._connection.execute("SELECT pg_current_xact_id()::text::bigint")
        row = await cursor.fetchone()
        self._settled_after = row[0] if row else 0
        self._state = _State.SETTLING

    async def _has_settled(self) -> bool:
        cursor = await self._connection.execute(
            "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint > $1",
            (self._settled_after,),
        )
        row = await cursor.fetchone()
        return bool(row and row[0])

    async def _set_flag(self, *, asleep: bool) -> None:
        await self._connection.execute("SELECT setval('projector.asleep', $1)", (2 if asleep else 1,))


async def start_listening(connection: AsyncDatabase) -> None:
    """Before the first claim: a worker that slept before it listened would miss who woke it."""
    await connection.execute(f"LISTEN {CHANNEL}")


async def listen(connection: AsyncDatabase, signals: list[Signal]) -> None:
    """Passes notifications on, for ever; DatabaseUnavailable where none can come any more. A silent connection is asked
    whether it still listens: it may be half open, or a pooler may have handed it to another session."""
    while True:
        async for _ in connection.notifies(timeout=HEARTBEAT_SECONDS):
            for signal in signals:
                signal.set()
        cursor = await connection.execute("SELECT $1 IN (SELECT pg_listening_channels())", (CHANNEL,))
        if await cursor.fetchone() != (True,):
            raise DatabaseUnavailable(
                "PostgreSQL no longer notifies this session. Connect directly, or through a pooler in session mode."
            )
