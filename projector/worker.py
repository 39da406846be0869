"""The worker: keeps the documents in Redis in step with the ERP for as long as it runs."""

import asyncio
import logging
import random
import time
from contextlib import suppress

import psycopg
from redis import exceptions as redis_errors

from projector.database import is_transient
from projector.errors import RedisUnavailable
from projector.installed import load_router
from projector.publish import PublishCount
from projector.session import DefinitionsChanged, Session, open_session
from projector.settings import Settings

log = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS = 5.0
SOUND_SECONDS = 10.0
"""A session that held so long was no failed attempt: the pauses begin anew."""

_TRANSIENT = (
    redis_errors.ConnectionError, redis_errors.TimeoutError, redis_errors.BusyLoadingError,
    redis_errors.ReadOnlyError, redis_errors.OutOfMemoryError, redis_errors.ClusterDownError,
    redis_errors.TryAgainError, redis_errors.MasterDownError, RedisUnavailable, DefinitionsChanged,
)  # fmt: skip


class Worker:
    """Runs sessions one after the other: a session ends when a server goes away, and the next begins, with
    growing pauses, when both are back. Any other error ends the worker."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = asyncio.Event()
        self._session: Session | None = None
        self._count = PublishCount()
        self._pause = 0.0

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
                fatal = _fatal(group)
                if isinstance(fatal, psycopg.ProgrammingError):
                    # An object of ours that is gone means that the installation is; loading it says so.
                    load_router(self._settings)
                if fatal is not None:
                    raise fatal from None
                if time.monotonic() - began > SOUND_SECONDS:
                    self._pause = 0.0
                await self._back_off(_first(group))

    async def _run_session(self) -> None:
        async with open_session(self._settings, self._stopping, self._count) as session:
            self._session = session
            try:
                await session.run()
            finally:
                self._session = None

    async def _back_off(self, error: BaseException) -> None:
        self._pause = min(LONGEST_PAUSE_SECONDS, self._pause * 2 or 0.1)
        seconds = self._pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        log.warning("connection lost, trying again", extra={"error": " ".join(str(error).split()),
                                                            "seconds": round(seconds, 2)})  # fmt: skip
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _fatal(group: BaseExceptionGroup[BaseException]) -> BaseException | None:
    """The first error that reconnecting does not cure."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            if (inner := _fatal(error)) is not None:
                return inner
        elif not (is_transient(error) or isinstance(error, _TRANSIENT)):
            return error
    return None
