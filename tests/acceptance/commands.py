"""The command line as a shell runs it: a process with an environment and a folder of its own."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tests import forked

AT_ONCE = 3
"""Processes that run side by side."""
LONGEST_SECONDS = 60


@dataclass(frozen=True)
class Finished:
    """A command that ended, and what it said."""

    arguments: tuple[str, ...]
    code: int
    out: str
    err: str
    seconds: float

    def refusal(self) -> str:
        """The one line that it said on stderr; AssertionError where it was not exactly that, with exit code 1."""
        lines = self.err.splitlines()
        assert (self.code, len(lines)) == (1, 1), self
        assert lines[0].startswith("error: "), self
        assert self.out == "", self
        return lines[0]

    def usage(self) -> str:
        """The usage text on stderr, with exit code 2; AssertionError where it was something else."""
        assert self.code == 2, self
        assert self.err.startswith("Usage: projector"), self
        assert "Traceback" not in self.err, self
        return self.err


@dataclass(frozen=True)
class Projector:
    """Runs `projector`. Settings come from `environment` alone, whatever the tests' own environment holds."""

    folder: Path
    environment: Mapping[str, str | None]

    def given(self, **environment: str | None) -> "Projector":
        """The same in a changed environment; None unsets a variable."""
        return replace(self, environment={**self.environment, **environment})

    def __call__(self, *arguments: str, **environment: str | None) -> Finished:
        began = time.monotonic()
        variables = self.given(**environment)._variables()
        code, out, err = forked.run(arguments, variables, self.folder, LONGEST_SECONDS)
        return Finished(arguments, code, out, err, time.monotonic() - began)

    def each(self, commands: Sequence[Sequence[str]]) -> list[Finished]:
        """Several commands side by side, their results in the same order."""
        return side_by_side([partial(self, *arguments) for arguments in commands])

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """A command that goes on, both its outputs in one pipe; killed at the end if it is still there."""
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", *arguments],
            env=self._variables(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    def on_terminal(
        self, *arguments: str, typed: str = "", typed_later: tuple[str, str] | None = None, columns: int = 80
    ) -> tuple[int, str]:
        """The exit code and the screen of a command whose input and outputs are a terminal; `typed_later` is a text
        that has to be there first, and what is typed then."""
        screen, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", *arguments],
            env=self.given(TERM="xterm")._variables(),
            cwd=self.folder,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(terminal)
        if typed_later:
            shown = _read_until(screen, typed_later[0])
            os.write(screen, typed_later[1].encode())
            return process.wait(LONGEST_SECONDS), shown + _read_all(screen)
        os.write(screen, typed.encode())
        shown = _read_all(screen)
        return process.wait(LONGEST_SECONDS), shown

    def _variables(self) -> dict[str, str]:
        given = {name: value for name, value in os.environ.items() if not name.startswith("PROJECTOR_")}
        changes = self.environment.items()
        return {**given, **{name: value for name, value in changes if value is not None}}


def side_by_side(calls: Sequence[Callable[[], Finished]], at_once: int = AT_ONCE) -> list[Finished]:
    """What each call returned, in the order of the calls."""
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda call: call(), calls))


def interrupt(process: subprocess.Popen[str]) -> None:
    """What Ctrl-C on a terminal does: SIGINT to the whole group."""
    os.killpg(process.pid, signal.SIGINT)


def _read_until(screen: int, text: str) -> str:
    shown, deadline = b"", time.monotonic() + LONGEST_SECONDS
    while text.encode() not in shown:
        ready, _, _ = select.select([screen], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"{text!r} is not on the screen after {LONGEST_SECONDS} s: {shown!r}"
        shown += os.read(screen, 65_536)
    return shown.decode()


def _read_all(screen: int) -> str:
    shown = b""
    try:
        while data := os.read(screen, 65_536):
            shown += data
    except OSError:  # Linux reports the end of a terminal as an error
        pass
    finally:
        os.close(screen)
    return shown.decode()
