"""What systemd hears of worker and API, at a real socket: ready, still turning, stopping; silence where they hang.

A process is made to hang by a signal whose handler sleeps in the main thread, so that threads beside it live on.
"""

import asyncio
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.running import _tell
from projector.demo.processes import Command
from projector.settings import Settings
from projector.systemd import Notifier
from tests.acceptance.scrapes import ask
from tests.acceptance.servers import closed_port
from tests.conftest import Start
from tests.waiting import wait_until

WATCHDOG_SECONDS = 0.6
HANGING = "import signal, time\nsignal.signal(signal.SIGALRM, lambda *_: time.sleep(600))\n"
"""Runs at the start of each Python process that finds it."""


class Systemd:
    """Listens as systemd does, at a path or in the abstract namespace."""

    def __init__(self, folder: Path, abstract: bool) -> None:
        self.address = f"@projector-{os.getpid()}-{time.monotonic_ns()}" if abstract else str(folder / "notify.sock")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address.replace("@", "\0", 1))
        self.heard: list[dict[str, str]] = []

    def environment(self, folder: Path) -> dict[str, str]:
        (folder / "sitecustomize.py").write_text(HANGING, encoding="utf-8")
        return {
            "NOTIFY_SOCKET": self.address,
            "WATCHDOG_USEC": str(int(WATCHDOG_SECONDS * 1e6)),
            "PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}",
        }

    def listen(self, seconds: float) -> dict[str, str] | None:
        """The next message; None where none comes in time."""
        self._socket.settimeout(seconds)
        try:
            text = self._socket.recv(4096).decode()
        except TimeoutError:
            return None
        self.heard.append(dict(line.split("=", 1) for line in text.split("\n")))
        return self.heard[-1]

    def wait_for(self, name: str, seconds: float = 60) -> dict[str, str]:
        """The next message with this variable."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if (message := self.listen(left)) and name in message:
                return message
        raise AssertionError(f"{name} was not heard, but {self.heard[-5:]}")

    def is_left_alone(self, seconds: float = 4 * WATCHDOG_SECONDS) -> bool:
        """Whether nothing more is heard, once what was sent already is read."""
        while self.listen(WATCHDOG_SECONDS / 2) is not None:
            pass
        return self.listen(seconds) is None

    def close(self) -> None:
        self._socket.close()


@contextmanager
def listening(folder: Path, abstract: bool = False) -> Iterator[Systemd]:
    systemd = Systemd(folder, abstract)
    try:
        yield systemd
    finally:
        systemd.close()


def hang(pid: int) -> None:
    os.kill(pid, signal.SIGALRM)


def stop(command: Command, systemd: Systemd) -> None:
    command.process.send_signal(signal.SIGTERM)
    assert systemd.wait_for("STOPPING")["STOPPING"] == "1"
    assert command.process.wait(20) == 0


def end(command: Command) -> None:
    """It hangs, and no other signal reaches it."""
    os.killpg(command.process.pid, signal.SIGKILL)
    command.process.wait(10)


def test_a_worker_is_ready_when_it_claims_feeds_the_watchdog_and_says_that_it_stops(
    start: Start, installed: Settings, tmp_path: Path
) -> None:
    with listening(tmp_path, abstract=True) as systemd:
        worker = start("run", **systemd.environment(tmp_path))
        ready = systemd.wait_for("READY")
        assert re.search(r"\bready\b", worker.output())
        assert (ready["READY"], ready["STATUS"][:6]) == ("1", "works:")
        assert all(systemd.wait_for("WATCHDOG", 2)["WATCHDOG"] == "1" for _ in range(3))
        assert not [message for message in systemd.heard[:-3] if "STOPPING" in message]
        stop(worker, systemd)
        assert [message for message in systemd.heard if "READY" in message] == [ready]


def test_a_worker_whose_loop_hangs_is_silent(start: Start, installed: Settings, tmp_path: Path) -> None:
    with listening(tmp_path) as systemd:
        worker = start("run", **systemd.environment(tmp_path))
        systemd.wait_for("READY")
        systemd.wait_for("WATCHDOG")
        hang(worker.process.pid)
        assert systemd.is_left_alone()
        assert worker.process.poll() is None
        end(worker)


def test_a_worker_that_waits_for_a_server_says_so_and_asks_for_time(
    start: Start, installed: Settings, tmp_path: Path
) -> None:
    with listening(tmp_path) as systemd, closed_port() as port:
        start("run", PROJECTOR_REDIS_URL=f"redis://127.0.0.1:{port}/0", **systemd.environment(tmp_path))
        systemd.wait_for("EXTEND_TIMEOUT_USEC")
        wait_until(lambda: "waits: connection lost" in systemd.wait_for("STATUS")["STATUS"], what="its status says so")
        assert not [message for message in systemd.heard if message.keys() & {"READY", "WATCHDOG"}]


def test_an_api_alone_is_ready_when_it_answers_feeds_the_watchdog_and_says_that_it_stops(
    start: Start, redis_url: str, tmp_path: Path
) -> None:
    with listening(tmp_path) as systemd:
        api = start("serve", "--port", "0", **systemd.environment(tmp_path))
        systemd.wait_for("READY")
        port = int(api.wait_for(r"Listening on http://127\.0\.0\.1:(\d+)", 1)[1])
        assert ask(port, "/api/mobile/health")[0] == 200
        assert all(systemd.wait_for("WATCHDOG", 2)["WATCHDOG"] == "1" for _ in range(3))
        stop(api, systemd)


def test_an_api_alone_whose_loop_hangs_is_silent(start: Start, redis_url: str, tmp_path: Path) -> None:
    with listening(tmp_path) as systemd:
        api = start("serve", "--port", "0", **systemd.environment(tmp_path))
        systemd.wait_for("WATCHDOG")
        hang(api.process.pid)
        assert systemd.is_left_alone()
        end(api)


def test_of_several_processes_one_that_hangs_ends_and_is_replaced(start: Start, redis_url: str, tmp_path: Path) -> None:
    """The supervisor tells systemd that it turns, before and after; and the log shows where the process hung."""
    with listening(tmp_path) as systemd:
        api = start("serve", "--port", "0", "--workers", "2", **systemd.environment(tmp_path))
        systemd.wait_for("READY")
        port = int(api.wait_for(r"Listening on http://127\.0\.0\.1:(\d+)", 1)[1])
        assert ask(port, "/api/mobile/health")[0] == 200
        systemd.wait_for("WATCHDOG")
        before = wait_until(lambda: _children(api, 2), what="two processes")
        hang(before[0])
        after = wait_until(lambda: before[0] not in (now := _children(api, 2)) and now, what="another process")
        assert before[1] in after
        api.wait_for(r"Timeout[\s\S]*sitecustomize\.py")
        assert systemd.wait_for("WATCHDOG", 2)
        stop(api, systemd)


def _children(command: Command, count: int) -> list[int]:
    """The processes that answer; none where they are not as many."""
    tasks = Path(f"/proc/{command.process.pid}/task/{command.process.pid}/children")
    pids = [int(pid) for pid in tasks.read_text(encoding="utf-8").split()]
    found = [pid for pid in pids if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return found if len(found) == count else []


def test_a_worker_that_only_a_restart_may_help_is_silent_though_its_loop_turns(tmp_path: Path) -> None:
    """What `is_stuck` says is /live's, and tested there: here that the watchdog follows it."""

    class Stuck:
        is_connected, is_stuck, doing = True, False, "works"

    async def turn(worker: Stuck, systemd: Systemd) -> None:
        task = asyncio.create_task(_tell(worker, Notifier(systemd.address, WATCHDOG_SECONDS)))  # type: ignore[arg-type]
        await asyncio.to_thread(systemd.wait_for, "WATCHDOG", 5)
        worker.is_stuck = True
        assert await asyncio.to_thread(systemd.is_left_alone, 2 * WATCHDOG_SECONDS)
        task.cancel()

    with listening(tmp_path) as systemd:
        asyncio.run(turn(Stuck(), systemd))


def test_nothing_is_sent_where_systemd_does_not_listen_or_watches_another_process(tmp_path: Path) -> None:
    assert not Notifier.from_environment({}).is_heard
    with listening(tmp_path) as systemd:
        given = {"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "600000", "WATCHDOG_PID": "1"}
        Notifier.from_environment(given).turns("works")
        assert systemd.listen(5) == {"STATUS": "works"}
        Notifier.from_environment({**given, "WATCHDOG_PID": str(os.getpid())}).turns("works")
        assert systemd.listen(5) == {"WATCHDOG": "1", "STATUS": "works"}
    Notifier(systemd.address).turns("nobody hears it, and nothing fails")
