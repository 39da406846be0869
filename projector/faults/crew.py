"""The processes under test: workers, the read API, and rebuilds one after the other."""

import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from projector.demo.processes import Command
from projector.faults.load import Pausable
from projector.points import VARIABLE

STOPPED_SECONDS = 15.0
_PAUSE_SECONDS = 0.3
_REBUILD_SECONDS = 10.0


class Crew:
    """Workers and one API. Each process logs into a file of its own."""

    def __init__(
        self,
        worker_environment: Mapping[str, str],
        api_environment: Mapping[str, str],
        logs: Path,
        command: type[Command],
    ) -> None:
        self._make = command
        self.workers: list[Command] = []
        self.frozen: list[Command] = []
        """Workers that stopped and are to go on later."""
        self.rebuilds = Rebuilds(self)
        self._worker_environment = worker_environment
        self._api_environment = api_environment
        self._logs = logs
        self._number = 0
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    def start(self, workers: int) -> None:
        self.workers = [self.begin_worker() for _ in range(workers)]
        for worker in self.workers:
            worker.wait_for(r"\bready\b")
        self.start_api()

    def begin_worker(self, stop_at: str = "") -> Command:
        """One that is not ready yet, and that stops itself at a named point if one is given."""
        return self._command(["run"], {**self._worker_environment, VARIABLE: stop_at})

    def begin_rebuild(self, *options: str, stop_at: str = "") -> Command:
        return self._command(["rebuild", *options], {**self._worker_environment, VARIABLE: stop_at})

    def start_api(self) -> None:
        self.api = self._command(["serve", "--port", "0"], self._api_environment)
        self.api_port = int(self.api.wait_for(r"Listening on http://[^\s:]+:(\d+)")[1])

    def replace_worker(self, place: int) -> None:
        """Kills one, and puts a new one in its place that is ready."""
        kill(self.workers[place])
        self.workers[place] = self.begin_worker()
        self.workers[place].wait_for(r"\bready\b")

    def replace_api(self) -> None:
        kill(self.api)
        self.start_api()

    def thaw(self) -> None:
        """What was frozen goes on with what it holds, and ends."""
        for command in self.frozen:
            go_on(command)
            command.stop()
        self.frozen.clear()

    def replace_all(self) -> None:
        """New processes, after old ones did not recover."""
        for place in range(len(self.workers)):
            self.replace_worker(place)
        self.replace_api()

    def take_deaths(self) -> list[str]:
        """Workers and the API never end by themselves, whatever happens to the servers; a rebuild may fail, in one
        line. What was not told yet."""
        ended = [command for command in (*self.workers, self.api) if command.process.poll() is not None]
        deaths = [f"{one.log.name} ended with {one.process.returncode}: {one.output()[-1_500:]}" for one in ended]
        tracebacks, self.rebuilds.tracebacks = self.rebuilds.tracebacks, []
        return [*deaths, *tracebacks]

    def stop(self) -> None:
        self.rebuilds.stop()
        self.thaw()
        for command in (*self.workers, self.api):
            go_on(command)
            command.stop()

    def tails(self) -> str:
        """The end of each log that was written last."""
        recent = sorted(self._logs.glob("*.log"), key=lambda log: log.stat().st_mtime)[-6:]
        return "\n".join(f"== {log.name}\n{log.read_text(errors='replace')[-3_000:]}" for log in recent)

    def _command(self, arguments: list[str], environment: Mapping[str, str]) -> Command:
        with self._lock:
            self._number += 1
            log = self._logs / f"{arguments[0]}-{self._number}.log"
        return self._make(arguments, environment, log)


class Rebuilds(Pausable):
    """`projector rebuild`, over and over. It may fail while a server is away, and then says so in one line. One that
    takes very long, behind a connection that hangs, is killed."""

    def __init__(self, crew: Crew) -> None:
        super().__init__("rebuilds")
        self.done = 0
        self.tracebacks: list[str] = []
        self._crew = crew

    def work(self) -> None:
        command = self._crew.begin_rebuild()
        try:
            command.process.wait(_REBUILD_SECONDS)
        except subprocess.TimeoutExpired:
            command.process.kill()
            command.process.wait()
        self.done += command.process.returncode == 0
        if "Traceback" in command.output():
            self.tracebacks.append(command.output()[-1_500:])
        time.sleep(_PAUSE_SECONDS)


def kill(command: Command) -> None:
    command.process.kill()
    command.process.wait()


def go_on(command: Command) -> None:
    command.process.send_signal(signal.SIGCONT)


def hold(command: Command) -> None:
    command.process.send_signal(signal.SIGSTOP)


def has_stopped(command: Command, seconds: float = STOPPED_SECONDS) -> bool:
    """Whether the process came by its named point within so many seconds."""
    deadline = time.monotonic() + seconds
    while "stopped at" not in command.output():
        if time.monotonic() > deadline or command.process.poll() is not None:
            return False
        time.sleep(0.02)
    return True
