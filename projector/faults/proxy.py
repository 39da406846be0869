"""Proxies in front of the servers, whose connections can be cut, slowed down, or made to hang without closing."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

Target = Callable[[], Path | int]
"""Where connections lead at the moment: a Unix socket, or a port of the loopback interface."""

_CHUNK = 65_536
_CONTROL_SECONDS = 10.0


class Link:
    """One connection through a proxy. Deaf, it takes everything that either side says and passes nothing on, not even
    that a side has closed."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.deaf = False
        self.ended = False
        self._closed = asyncio.Event()
        self._writers = [client]

    def add(self, upstream: asyncio.StreamWriter) -> None:
        self._writers.append(upstream)
        if self._closed.is_set():
            upstream.close()

    def close(self) -> None:
        """After what is on its way."""
        for writer in self._writers:
            writer.close()
        self._closed.set()

    def abort(self) -> None:
        """At once, whether or not anybody takes what is on its way."""
        for writer in self._writers:
            writer.transport.abort()
        self._closed.set()

    async def wait_closed(self) -> None:
        await self._closed.wait()
        for writer in self._writers:
            with suppress(OSError):
                await writer.wait_closed()


class Proxy:
    """Listens on a free port of the loopback interface, in a thread of its own, until closed."""

    def __init__(self, target: Target) -> None:
        self.port = 0
        self._target = target
        self._links: set[Link] = set()
        self._swallowing = False
        self._delay = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._call(self._listen())
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Closes all connections; new ones are served."""
        self._call(self._cut())

    def swallow(self) -> None:
        """All connections hang from now on, and new ones too: accepted, never answered, never closed."""
        self._call(self._set_deaf())

    def delay(self, seconds: float) -> None:
        """Holds back each piece of data for so long."""
        self._delay = seconds

    def heal(self) -> None:
        """New connections are served, without delay. One that hung stays deaf, as when a firewall has forgotten it,
        but from now on its sides hear of each other's end."""
        self._delay = 0.0
        self._call(self._set_healed())

    def _call(self, what: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(_CONTROL_SECONDS)

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=200)

    async def _close(self) -> None:
        self._server.close()
        await self._cut()
        if serving := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(serving, timeout=_CONTROL_SECONDS / 2)

    async def _cut(self) -> None:
        for link in self._links:
            link.abort()

    async def _set_deaf(self) -> None:
        self._swallowing = True
        for link in self._links:
            link.deaf = True

    async def _set_healed(self) -> None:
        self._swallowing = False
        for link in self._links:
            if link.ended:
                link.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(writer)
        self._links.add(link)
        link.deaf = self._swallowing
        try:
            await self._connect(link, reader, writer)
        except OSError:
            link.close()
        await link.wait_closed()
        self._links.discard(link)

    async def _connect(self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if link.deaf:
            return await self._pump(link, reader, None)
        there, upstream = await _open(self._target())
        link.add(upstream)
        await asyncio.gather(self._pump(link, reader, upstream), self._pump(link, there, writer))
        return None

    async def _pump(self, link: Link, source: asyncio.StreamReader, sink: asyncio.StreamWriter | None) -> None:
        with suppress(OSError):
            while data := await source.read(_CHUNK):
                if self._delay:
                    await asyncio.sleep(self._delay)
                if sink is not None and not link.deaf and not sink.is_closing():
                    sink.write(data)
                    await sink.drain()
        link.ended = True
        if not (link.deaf and self._swallowing):
            link.close()


async def _open(target: Path | int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if isinstance(target, Path):
        return await asyncio.open_unix_connection(target)
    return await asyncio.open_connection("127.0.0.1", target)
