"""Writers that survive a server that goes away: random transactions, in threads that can be paused."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

import psycopg

from projector.faults.mutations import interleave

Url = Callable[[], str]
"""Of the ERP's database at the moment."""

AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.FeatureNotSupported,
)
"""A standby that is about to be promoted takes no write yet, and no serializable transaction at all."""
_RETRY_SECONDS = 0.05
_JOIN_SECONDS = 60.0
"""Longer than anything that one of them does at a stretch."""
_AT_ONCE = 10
_SESSIONS = 3


class Pausable:
    """Works in a thread of its own until stopped. What goes wrong because a server is away is tried again; anything
    else is kept as `failure`, and ends the work."""

    def __init__(self, name: str) -> None:
        self.committed = 0
        self.failure: BaseException | None = None
        self._stopping = threading.Event()
        self._resumed = threading.Event()
        self._turn = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self, *, working: bool = True) -> None:
        if working:
            self._resumed.set()
        self._thread.start()

    def pause(self) -> None:
        """Returns when nothing of it is open."""
        self._resumed.clear()
        if not self._turn.acquire(timeout=_JOIN_SECONDS):
            raise TimeoutError(f"{self._thread.name} did not pause within {_JOIN_SECONDS:.0f} s")
        self._turn.release()

    def resume(self) -> None:
        self._resumed.set()

    def stop(self) -> None:
        self._stopping.set()
        self._resumed.set()
        self._thread.join(_JOIN_SECONDS)

    def may_work(self) -> bool:
        return self._resumed.is_set() and not self._stopping.is_set()

    def work(self) -> None:
        """Until it may not; called again and again."""
        raise NotImplementedError

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._resumed.wait()
                with self._turn:
                    self._work_once()
        except Exception as error:  # noqa: BLE001 - handed to whoever judges
            self.failure = error

    def _work_once(self) -> None:
        try:
            if self.may_work():
                self.work()
        except AWAY:
            time.sleep(_RETRY_SECONDS)


class RandomWriter(Pausable):
    """Random transactions of every kind on every table, several open at once, a handful at a time.

    A transaction whose COMMIT got no answer is not counted.
    """

    def __init__(self, url: Url, seed: int, pause_seconds: float = 0.02) -> None:
        super().__init__(f"random transactions {seed}")
        self._url = url
        self._seed = seed
        self._pause_seconds = pause_seconds

    def work(self) -> None:
        with ExitStack() as stack:
            sessions = [psycopg.connect(self._url(), connect_timeout=5) for _ in range(_SESSIONS)]
            for session in sessions:
                stack.callback(_close, session)
            while self.may_work():
                self._seed += 1
                for outcome in interleave(sessions, self._seed, _AT_ONCE):
                    self.committed += outcome.startswith("committed")
                    time.sleep(self._pause_seconds)


def _close(session: psycopg.Connection) -> None:
    with suppress(psycopg.Error):
        session.close()
