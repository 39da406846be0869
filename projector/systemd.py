"""What systemd is told of a process that it started: it is ready, what it does, it still turns, it stops.

It listens at the socket that NOTIFY_SOCKET names; without one nothing is sent. What it does not hear is no failure.
"""

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Self

SEND_SECONDS = 1.0
CALM_SECONDS = 5.0
"""Between two messages where nobody asked for a watchdog."""
START_SECONDS = 60
"""More time to start, from each message that says that it still goes on."""


class Notifier:
    """Tells systemd. To be fed by the loop whose turning matters, as often as it turns: most calls send nothing."""

    def __init__(self, address: str = "", watchdog_seconds: float | None = None) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._has_watchdog = watchdog_seconds is not None
        self._interval_seconds = CALM_SECONDS if watchdog_seconds is None else min(CALM_SECONDS, watchdog_seconds / 3)
        self._due = 0.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Silent where systemd started another process than this one, or none."""
        microseconds, pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
        is_watched = microseconds.isdecimal() and pid in ("", str(os.getpid()))
        return cls(environment.get("NOTIFY_SOCKET", ""), int(microseconds) / 1e6 if is_watched else None)

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._address)

    def starts(self, status: str) -> None:
        """It is not ready yet, and not stuck: it waits for a server, and may take its time."""
        if self._is_due():
            self._send(f"EXTEND_TIMEOUT_USEC={START_SECONDS * 1_000_000}", f"STATUS={status}")

    def ready(self, status: str) -> None:
        self._send("READY=1", f"STATUS={status}")

    def turns(self, status: str) -> None:
        """It still turns: the watchdog's next interval begins."""
        if self._is_due():
            self._send(*(["WATCHDOG=1"] if self._has_watchdog else []), f"STATUS={status}")

    def stops(self) -> None:
        self._send("STOPPING=1", "STATUS=finishes what it began")

    def _is_due(self) -> bool:
        now = time.monotonic()
        if not self._address or now < self._due:
            return False
        self._due = now + self._interval_seconds
        return True

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, suppress(OSError):
            sender.settimeout(SEND_SECONDS)
            sender.sendto("\n".join(lines).encode(), self._address)
