"""Commands without the start of an interpreter: each in a process of its own, forked from one that has imported the
command line and done nothing else. Imports for every single command were a third of the processor time of all tests.

Other code than ours takes an interpreter of its own; so does a process that is to stop at a point, which it reads while
it imports, and the server that starts others like itself.
"""

import atexit
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path
from pkgutil import iter_modules
from tempfile import TemporaryDirectory
from threading import Lock

import cli
from cli.main import main
from projector.demo.processes import Command
from projector.points import VARIABLE

_FORKS = get_context("forkserver")
_FORKS.set_forkserver_preload([f"cli.{module.name}" for module in iter_modules(cli.__path__)] + ["api.server"])
_ONE_ASKS = Lock()
"""Starting a process asks all others for their exit codes, and each can be read once."""


class Forked:
    """`projector <arguments>`, in a session of its own. Like a subprocess.Popen, as far as the tests need that."""

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path, out: Path, err: Path
    ) -> None:
        self._arguments = list(arguments)
        for output in (out, err):
            output.write_bytes(b"")
        told = (arguments, dict(environment), folder, out, err)
        # A daemon is ended with the tests, whatever becomes of them.
        self._process = _FORKS.Process(target=_become, args=told, daemon=True)
        with _ONE_ASKS:
            self._process.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def poll(self) -> int | None:
        with _ONE_ASKS:
            return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        wait([self._process.sentinel], timeout)
        if (code := self.poll()) is None:
            raise subprocess.TimeoutExpired(self._arguments, timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class ForkedCommand(Command):
    """A command as the demo starts it."""

    def _begin(self, environment: Mapping[str, str]) -> Forked:
        if not _may_fork(self.arguments, environment):
            return super()._begin(environment)
        return Forked(self.arguments, environment, Path.cwd(), self.log, self.log)


def run(arguments: Sequence[str], environment: Mapping[str, str], folder: Path, seconds: float) -> tuple[int, str, str]:
    """The exit code, or the signal that ended it, negative, and what it wrote to stdout and stderr; TimeoutExpired, and
    it is killed, where it takes longer."""
    if not _may_fork(arguments, environment):
        command, nothing = [sys.executable, "-m", "cli.main", *arguments], subprocess.DEVNULL
        done = subprocess.run(
            command, env=environment, cwd=folder, stdin=nothing, capture_output=True, text=True, timeout=seconds
        )
        return done.returncode, done.stdout, done.stderr
    with TemporaryDirectory() as place:
        outputs = Path(place, "out"), Path(place, "err")
        process = Forked(arguments, environment, folder, *outputs)
        try:
            return process.wait(seconds), *(output.read_text() for output in outputs)
        finally:
            process.kill()


def _may_fork(arguments: Sequence[str], environment: Mapping[str, str]) -> bool:
    return "PYTHONPATH" not in environment and not environment.get(VARIABLE) and "--workers" not in arguments


def _become(arguments: Sequence[str], environment: Mapping[str, str], folder: Path, out: Path, err: Path) -> None:
    os.setsid()
    written = os.O_WRONLY | os.O_APPEND
    for number, path, flags in ((0, Path(os.devnull), os.O_RDONLY), (1, out, written), (2, err, written)):
        os.dup2(os.open(path, flags), number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - multiprocessing has put another one there
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["projector", *arguments]
    try:
        main()
    finally:
        atexit._run_exitfuncs()  # as an interpreter does, and multiprocessing does not
