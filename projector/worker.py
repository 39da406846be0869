"""The worker: keeps the documents in Redis in step with the ERP for as long as it runs."""

import asyncio
import logging
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import NoReturn

import psycopg

from projector.build import DefinitionsChanged
from projector.errors import ProjectorError
from projector.installed import load_router
from projector.publish import PublishCounts
from projector.session import Session, open_session
from projector.settings import Settings
from projector.trouble import LOST, Trouble, trouble

log = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS = 5.0
SOUND_SECONDS = 10.0
"""A session that held so long was no failed attempt: the pauses begin anew."""
REMINDER_SECONDS = 5.0
"""The same trouble is not told of again sooner."""

_DEFINITIONS_CHANGED = Trouble("somebody ran install", "")


class Worker:
    """Runs sessions one after the other: a session ends when a server goes away, and the next begins, with
    growing pauses, when both are back. Any other error ends the worker."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = asyncio.Event()
        self._session: Session | None = None
        self._counts = PublishCounts()
        self._pause = 0.0
        self._told: tuple[Trouble, float] | None = None

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

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
        async with open_session(self._settings, self._stopping, self._counts) as session:
            self._session = session
            try:
                await session.run()
            finally:
                self._session = None

    async def _back_off(self, error: BaseException) -> None:
        self._pause = min(LONGEST_PAUSE_SECONDS, self._pause * 2 or 0.1)
        seconds = self._pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        self._tell(_trouble(error) or LOST, error, seconds)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def _tell(self, what: Trouble, error: BaseException, seconds: float) -> None:
        now = time.monotonic()
        if self._told is not None and self._told[0] == what and now - self._told[1] < REMINDER_SECONDS:
            return
        self._told = what, now
        fields = {"error": " ".join(str(error).split()) or type(error).__name__, "remedy": what.remedy}
        log.warning("%s, trying again", what.what, extra={**fields, "seconds": round(seconds, 2)})


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
