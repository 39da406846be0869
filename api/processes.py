"""The processes that answer: one alone, or several under a supervisor.

systemd watches whether the one that it started turns: the only process, or the supervisor. That replaces processes that
end, and a process whose event loop hangs ends itself.
"""

import asyncio
import faulthandler
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import uvicorn
from uvicorn.supervisors import Multiprocess

from projector.systemd import Notifier

START_SECONDS = 30
HUNG_SECONDS = 10.0
TURN_SECONDS = 1.0
STATUS = "answers requests"


@asynccontextmanager
async def ending_when_hung() -> AsyncIterator[None]:
    """Ends this process, with a traceback that shows where, once its event loop has not turned for HUNG_SECONDS.

    The supervisor's own question is answered by a thread, which lives on when the loop hangs.
    """

    async def turn() -> None:
        while True:
            faulthandler.dump_traceback_later(HUNG_SECONDS, exit=True)
            await asyncio.sleep(TURN_SECONDS)

    task = asyncio.create_task(turn(), name="turn")
    try:
        yield
    finally:
        task.cancel()
        faulthandler.cancel_dump_traceback_later()


class Server(uvicorn.Server):
    """One process alone: says when it has begun to listen, and tells systemd that it turns."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None], notifier: Notifier) -> None:
        super().__init__(config)
        self._announce = started
        self._notifier = notifier

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce()
        self._notifier.ready(STATUS)

    async def on_tick(self, counter: int) -> bool:
        self._notifier.turns(STATUS)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._notifier.stops()
        await super().shutdown(sockets)


class Supervisor(Multiprocess):
    """Several processes: says when the first has begun to listen, replaces those that end, and tells systemd that it
    turns."""

    def __init__(
        self, config: uvicorn.Config, sockets: list[socket.socket], started: Callable[[], None], notifier: Notifier
    ) -> None:
        super().__init__(config, sockets)
        self._announce = started
        self._notifier = notifier
        self.has_started = False

    def init_processes(self) -> None:
        super().init_processes()
        self._await_start(START_SECONDS)

    def keep_subprocess_alive(self) -> None:
        if self.has_started:
            self._notifier.turns(STATUS)
        else:
            self._notifier.starts("starts")
        super().keep_subprocess_alive()
        self._await_start(TURN_SECONDS)

    def terminate_all(self) -> None:
        self._notifier.stops()
        super().terminate_all()

    def _await_start(self, seconds: float) -> None:
        """On a host that is short of everything the first may take long."""
        if not self.has_started and not self.should_exit.is_set():
            self.has_started = self.processes[0].wait_until_ready(seconds, self.should_exit)
            if self.has_started:
                self._announce()
                self._notifier.ready(STATUS)
