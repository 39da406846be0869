"""Processes of the benches' own: baselines and load. Each says what it has to say in lines of JSON on stdout."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from projector.demo.processes import ProcessFailed

_STOP_SECONDS = 10.0


class Helper:
    """`python -m projector.bench.<module>`, until it ends or is stopped."""

    def __init__(self, module: str, *arguments: object, environment: Mapping[str, str] | None = None) -> None:
        self._name = module
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
            [sys.executable, "-m", f"projector.bench.{module}", *map(str, arguments)],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )

    def read(self) -> dict[str, Any]:
        """The next line; ProcessFailed with the end of its stderr where it said nothing."""
        line = self.process.stdout.readline() if self.process.stdout else b""
        if not line:
            raise ProcessFailed(f"The helper {self._name} ended. It said: {self._tail()}")
        message: dict[str, Any] = json.loads(line)
        return message

    def finish(self) -> dict[str, Any]:
        """Asks it to end, and returns its last line."""
        self.process.terminate()
        return self.read()

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        self._errors.close()

    def _tail(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")[-2_000:].strip()


@contextmanager
def helping(module: str, *arguments: object, environment: Mapping[str, str] | None = None) -> Iterator[Helper]:
    """A helper that is gone at the end."""
    helper = Helper(module, *arguments, environment=environment)
    try:
        yield helper
    finally:
        helper.close()


def say(**message: object) -> None:
    """What a helper says."""
    sys.stdout.write(f"{json.dumps(message)}\n")
    sys.stdout.flush()


def cpu_seconds(pid: int) -> float:
    """Processor time that a process took; 0 where the system has no /proc."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0.0
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int | str, *, peak: bool = False) -> float:
    """Resident memory of a process, now or at most; 0 where the system has no /proc."""
    status = Path(f"/proc/{pid}/status")
    for line in status.read_text().splitlines() if status.exists() else ():
        if line.startswith("VmHWM:" if peak else "VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0
