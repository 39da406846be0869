"""`projector serve` with an access log and little patience, so that nobody need wait to see connections end."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from tests.waiting import wait_until

PATIENCE_SECONDS, KEEP_ALIVE_SECONDS = 1.0, 2.0
PROGRAM = f"""
import api.protocol, api.server
from cli.main import main
api.protocol.PATIENCE_SECONDS = {PATIENCE_SECONDS}
api.server._KEEP_ALIVE_SECONDS = {KEEP_ALIVE_SECONDS}
api.server._UNREAD_SECONDS = {PATIENCE_SECONDS}
main()
"""


class HastyServer:
    """A running process; what it writes goes to files, which never block it."""

    def __init__(self, folder: Path, redis_url: str, **settings: Any) -> None:
        self._output, self._errors = folder / "access.log", folder / "errors.log"
        # What is slow here is the machine's fault.
        given = {"PROJECTOR_REDIS_URL": redis_url, "PROJECTOR_API_SLOW_SECONDS": "3600", **settings}
        environment = {name: str(value) for name, value in given.items()}
        with self._output.open("wb") as output, self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, "serve", "--port", "0", "--access-log"],
                env={**os.environ, **environment},
                stdout=output,
                stderr=errors,
            )
        listening = wait_until(lambda: re.search(r"Listening on http://127\.0\.0\.1:(\d+)", self.errors()))
        self.address = ("127.0.0.1", int(listening[1]))

    def errors(self) -> str:
        """What it wrote to stderr."""
        return self._errors.read_text()

    def access_log(self) -> list[str]:
        """A line for each request that it answered."""
        return self._output.read_text().splitlines()

    def megabytes(self) -> float:
        """Memory that it has in use."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 2**20

    def serves(self, client: tuple[str, int]) -> bool:
        """Whether it holds a connection to this address."""
        return any(connection.raddr == client for connection in self._connections())

    def serves_nobody(self) -> bool:
        """Whether it holds no client's connection."""
        return not any(connection.laddr == self.address and connection.raddr for connection in self._connections())

    def _connections(self) -> list[Any]:
        return psutil.Process(self.process.pid).net_connections("tcp")

    def stop(self) -> int:
        """The exit code after SIGTERM."""
        self.process.terminate()
        return self.process.wait(30)
