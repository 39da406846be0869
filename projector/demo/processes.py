"""Processes of the real commands, `projector run` and `projector serve`, with their output kept for when they fail."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from projector.errors import ProjectorError

START_SECONDS = 60.0
STOP_SECONDS = 20.0


class ProcessFailed(ProjectorError):
    """A process that was started ended, or never said that it was ready."""


class Command:
    """One running command. Its output goes to a file; `wait_for` reads it there."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.arguments = list(arguments)
        # What is given replaces a file that the caller's environment names.
        inherited = {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in environment}
        self.log = log
        self.process = self._begin({**inherited, **environment})

    def _begin(self, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as output:
            # A session of its own: Ctrl-C reaches us, and we stop it in order.
            return subprocess.Popen(  # noqa: S603 - our own interpreter and commands
                [sys.executable, "-m", "cli.main", *self.arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_for(self, pattern: str, seconds: float = START_SECONDS) -> re.Match[str]:
        """Until the output has a match; ProcessFailed with the end of the output where it has none in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if match := re.search(pattern, self.output()):
                return match
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        tail = self.output()[-2_000:].strip()
        raise ProcessFailed(
            f"'projector {' '.join(self.arguments)}' did not get as far as {pattern!r}. It said: {tail}"
        )

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> int:
        """SIGTERM, and the exit code; SIGKILL for what does not stop."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


@contextmanager
def running(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[Command]:
    """A command that is stopped at the end."""
    command = Command(arguments, environment, log)
    try:
        yield command
    finally:
        command.stop()
