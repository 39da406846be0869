"""The worker: keeps the documents in Redis in step with the ERP for as long as it runs."""

import asyncio
import logging
import random
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

import psycopg

from projector.build import DefinitionsChanged
from projector.errors import ProjectorError, one_line
from projector.installed import load_router
from projector.names import built_field
from projector.opening import open_session
from projector.parts import Memory
from projector.publish import PublishCounts
from projector.pulse import Pulse
from projector.redis_server import FAILURES
from projector.seldom import Seldom
from projector.session import Session
from projector.settings import Settings
from projector.tally import Tally
from projector.tasks import wait_within
from projector.trouble import LOST, Trouble, trouble

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

log = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS = 5.0
SOUND_SECONDS = 10.0
"""A session that held so long was no failed attempt: the pauses begin anew."""

STUCK = 5
"""Statement time-outs without a turn."""

_DEFINITIONS_CHANGED = Trouble("somebody ran install", "")


class Worker:
    """Runs sessions one after the other: a session ends when a server goes away, and the next begins, with
    growing pauses, when both are back. Any other error ends the worker."""

    def __init__(self, settings: Settings, tracer: "Tracer | None" = None) -> None:
        self._settings = settings
        self._stopping = asyncio.Event()
        self._session: Session | None = None
        self._memory = Memory(PublishCounts(), Tally(), Pulse(), tracer)
        self._pause = 0.0
        self._tried_at = time.monotonic()
        self._trouble: Trouble | None = None
        self._troubles = Seldom()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    @property
    def tally(self) -> Tally:
        return self._memory.tally

    @property
    def pulse(self) -> Pulse:
        return self._memory.pulse

    @property
    def is_connected(self) -> bool:
        """Whether it works on a session."""
        return self._session is not None and self._session.is_ready

    @property
    def is_stuck(self) -> bool:
        """Whether nothing has turned for so long that only a restart may help: no step takes nearly as long, since each
        of its statements ends."""
        turned_at = max(self._tried_at, self._session.turned_at if self._session else 0.0)
        return time.monotonic() - turned_at > STUCK * self._settings.statement_timeout_seconds

    @property
    def doing(self) -> str:
        """What it does, or waits for, in a line for whoever supervises it."""
        if self.is_connected:
            live = self.tally.live
            return f"works: {live.events:,} events, {live.changed:,} documents changed by them"
        if self._trouble is not None:
            return f"waits: {self._trouble.what}"
        return "connects"

    async def missing_parts(self) -> list[str]:
        """What this worker waits for before it keeps every document in step."""
        session = self._session
        if session is None or not session.is_ready:
            return ["connection"]
        try:
            async with asyncio.timeout(self._settings.redis_timeout_seconds):
                missing = [built_field(document) for document in await session.unbuilt()]
        except FAILURES:
            return ["redis"]
        if self._settings.heartbeat_seconds and self.pulse.is_late(self._settings.heartbeat_late_seconds):
            missing.append("heartbeat")
        return missing

    def stop(self) -> None:
        """Finish what was claimed and claim no more."""
        self._stopping.set()
        if self._session is not None:
            self._session.wake()

    async def run(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                await self._run_session()
            except* BaseException as group:  # noqa: BLE001 - sorted here, and re-raised unless a server went away
                errors = list(_errors(group))
                if fatal := next((error for error in errors if _trouble(error) is None), None):
                    await self._refuse(fatal)
                if time.monotonic() - began > SOUND_SECONDS:
                    self._pause = 0.0
                await self._back_off(min(errors, key=_rank))

    async def _refuse(self, fatal: BaseException) -> NoReturn:
        if isinstance(fatal, psycopg.ProgrammingError):
            # An object of ours that is gone means that the installation is; loading it says so.
            await asyncio.to_thread(load_router, self._settings)
        raise fatal from None

    async def _run_session(self) -> None:
        self.tally.sessions += 1
        self._tried_at = time.monotonic()
        async with open_session(self._settings, self._stopping, self._memory) as session:
            self._session = session
            try:
                await session.run()
            finally:
                self._session = None

    async def _back_off(self, error: BaseException) -> None:
        self._pause = min(LONGEST_PAUSE_SECONDS, self._pause * 2 or 0.1)
        seconds = self._pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        self._trouble = _trouble(error) or LOST
        self._tell(self._trouble, error, seconds)
        await wait_within(self._stopping, seconds)

    def _tell(self, what: Trouble, error: BaseException, seconds: float) -> None:
        if not (count := self._troubles.count(what)):
            return
        fields = {"error": one_line(error), "remedy": what.remedy}
        log.warning("%s, trying again", what.what, extra={**fields, "seconds": round(seconds, 2), "count": count})


def _errors(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _errors(error)
        else:
            yield error


def _trouble(error: BaseException) -> Trouble | None:
    return _DEFINITIONS_CHANGED if isinstance(error, DefinitionsChanged) else trouble(error)


def _rank(error: BaseException) -> tuple[bool, bool]:
    """Of what ended a session at once the most telling comes first."""
    return _trouble(error) == LOST, not isinstance(error, ProjectorError)
