"""Proxies between the commands and their servers, whose connections can be cut, or made to hang without closing."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import quote, urlsplit

from psycopg.conninfo import conninfo_to_dict

Connect = Callable[[], socket.socket]


class Link:
    """One connection through a proxy. Deaf, it takes whatever either side says and passes nothing on, not even that a
    side has closed, so that the other never hears of it."""

    def __init__(self, client: socket.socket, server: socket.socket, *, deaf: bool) -> None:
        self.deaf = deaf
        self.greeting = b""
        """The client's first words; PostgreSQL's clients give their names in them."""
        self._sides = (client, server)
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    def cut(self) -> None:
        for side in self._sides:
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
            side.close()

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if source is self._sides[0] and not self.greeting:
                    self.greeting = data
                if not self.deaf:
                    sink.sendall(data)
        if not self.deaf:
            self.cut()


class Proxy:
    """Listens on a free port of the loopback interface."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._links: list[Link] = []
        self._swallowing = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        """Closes all connections; new ones are served."""
        for link in self._links:
            link.cut()

    def swallow(self, name: bytes = b"") -> int:
        """The open connections hang from now on, or those whose client greeted with this name; returns how many.
        Without a name new ones hang too, until `serve`."""
        chosen = [link for link in self._links if name in link.greeting]
        for link in chosen:
            link.deaf = True
        self._swallowing = not name
        return len(chosen)

    def serve(self) -> None:
        """New connections are served again. Those that hung hang on: words were lost in them."""
        self._swallowing = False

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = self._connect()
                except OSError:
                    client.close()
                else:
                    self._links.append(Link(client, server, deaf=self._swallowing))


@contextmanager
def postgres_proxy(url: str) -> Iterator[tuple[Proxy, str]]:
    """A proxy in front of this server, and the URL that leads through it."""
    given = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    host, port = given.get("host", "127.0.0.1"), int(given.get("port", "5432"))

    def connect() -> socket.socket:
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server

    login = quote(given.get("user", "")) + (f":{quote(given['password'])}" if "password" in given else "")
    with _closing(Proxy(connect)) as proxy:
        yield proxy, f"postgresql://{login}@127.0.0.1:{proxy.port}/{given['dbname']}?sslmode=disable"


@contextmanager
def redis_proxy(url: str) -> Iterator[tuple[Proxy, str]]:
    """The same in front of a Redis server."""
    where = urlsplit(url)
    with _closing(Proxy(lambda: socket.create_connection((where.hostname or "", where.port or 6379)))) as proxy:
        yield proxy, where._replace(netloc=f"127.0.0.1:{proxy.port}").geturl()


@contextmanager
def _closing(proxy: Proxy) -> Iterator[Proxy]:
    try:
        yield proxy
    finally:
        proxy.close()
