"""The real server process, on the wire."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from api.server import serve
from projector.errors import ServeError
from projector.settings import Settings
from tests.api.addresses import write_all
from tests.api.store import OwnStore, Store

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from api.server import serve
from projector.settings import Settings
serve(Settings.load(), port=0, workers=int(sys.argv[1]), access_log=len(sys.argv) > 2)
"""
PRODUCT_ADDRESS = "/api/mobile/products/42/complete"

Launch = Callable[..., "Server"]


class Server:
    """A running server process and its address."""

    def __init__(self, redis_url: str, workers: int = 1, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(workers), *arguments],
            # What is slow here is the machine's fault, and told by other tests.
            env={**os.environ, "PROJECTOR_REDIS_URL": redis_url, "PROJECTOR_API_SLOW_SECONDS": "3600"}
            | {"PROJECTOR_LOG_FORMAT": "json"},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,  # or lines that follow the first would lie in a buffer that communicate() does not know
        )
        self.output, self.errors = b"", b""
        self.address = ("127.0.0.1", self._listening_port())

    def stop(self, kind: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """The exit code, and what was written to stderr beside where it listens."""
        self.process.send_signal(kind)
        self.output, errors = self.process.communicate(timeout=30)
        return self.process.returncode, (self.errors + errors).decode()

    def _listening_port(self) -> int:
        """Reads stderr up to the line that says where it listens; keeps the others."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if match := re.fullmatch(rb"Listening on http://127\.0\.0\.1:(\d+)\n", line):
                return int(match[1])
            self.errors += line
        raise AssertionError(self.errors.decode())

    def get(self, path: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        response = connection.getresponse()
        connection.close()
        return response

    def exchange(self, request: bytes) -> bytes:
        """Everything that comes back for raw bytes, until the server hangs up."""
        with socket.create_connection(self.address, timeout=10) as connection:
            connection.sendall(request)
            received = b""
            while data := connection.recv(65536):
                received += data
        return received


@pytest.fixture
def launch() -> Iterator[Launch]:
    servers: list[Server] = []

    def start(*args: Any, **options: Any) -> Server:
        servers.append(Server(*args, **options))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.stop()


@pytest.fixture(scope="module")
def server(redis_server: str) -> Iterator[Server]:
    server = Server(redis_server)
    yield server
    assert server.stop() == (0, "")  # nothing that these tests do is an error or a warning


def request_bytes(method: bytes, target: bytes, *headers: bytes, close: bool = True) -> bytes:
    lines = [b"%b %b HTTP/1.1" % (method, target), b"Host: api", *headers]
    return b"\r\n".join([*lines, *([b"Connection: close"] if close else []), b"", b""])


def test_an_answer_on_the_wire(server: Server, store: Store) -> None:
    """Its headers are these and no others: the server does not name itself."""
    write_all(store)
    response = server.get(PRODUCT_ADDRESS)
    names = {name.lower() for name, _ in response.getheaders()} - {"x-request-id"}
    assert response.status == 200
    assert sorted(names) == ["cache-control", "content-length", "content-type", "date", "etag", "vary"]


def test_head_and_304_leave_the_connection_usable(server: Server, store: Store) -> None:
    """No body follows them, so the next answer on the connection is in its place."""
    write_all(store)
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    etag, lengths = "", []
    for method in ("HEAD", "GET", "HEAD"):
        connection.request(method, PRODUCT_ADDRESS)
        response = connection.getresponse()
        lengths.append(int(response.headers["content-length"]))
        etag = response.headers["etag"]
        assert len(response.read()) == (0 if method == "HEAD" else lengths[0])
    connection.request("GET", PRODUCT_ADDRESS, headers={"If-None-Match": etag})
    response = connection.getresponse()
    assert (response.status, response.read(), response.headers["etag"]) == (304, b"", etag)
    connection.request("GET", PRODUCT_ADDRESS)
    assert connection.getresponse().status == 200
    connection.close()
    assert len(set(lengths)) == 1


def test_pipelined_requests_are_answered_in_order(server: Server, store: Store) -> None:
    write_all(store)
    requests = [request_bytes(b"GET", b"/api/mobile/customers/7/quick", close=False)] * 3
    received = server.exchange(b"".join(requests) + request_bytes(b"GET", b"/nothing"))
    statuses = re.findall(rb"HTTP/1\.1 (\d+)", received)
    assert statuses == [b"200", b"200", b"200", b"404"]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"/api/mobile/products/%ZZ/complete", 422),
        (b"/api/mobile/products/%/complete", 422),
        (b"/api/mobile/products/%00/complete", 422),
        (b"/api/mobile/products/%FF%FE/complete", 422),
        (b"/api/mobile/products/%F0%9F%92%A9/complete", 422),
        (b"/api/mobile/products/%ED%A0%80/complete", 422),
        (b"/api/mobile/products/" + b"9" * 30_000 + b"/complete", 422),
        (b"/api/mobile/products/42/complete?%", 200),
        (b"/api/mobile/products/42/complete?%FF=%00&&=&a", 200),
        (b"/api/mobile/products/42/complete?include_reviews=%FF", 422),
        (b"/api/mobile/products/42/complete?x=" + b"y" * 60_000, 200),
        (b"/api/mobile/customers/7/orders?status=%FF%00%22", 200),
        (b"/api/mobile/customers/7/orders?limit=1&limit=500", 422),
        (b"/api/mobile/salesperson/dashboard?salesperson_id=%D9%A3", 422),
        (b"/../../etc/passwd", 404),
        (b"//", 404),
        (b"http://elsewhere/api/mobile/health", 200),
    ],
)
def test_odd_targets_are_answered_in_the_envelope(target: bytes, status: int, server: Server, store: Store) -> None:
    write_all(store)
    received = server.exchange(request_bytes(b"GET", target))
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"content-type: application/json; charset=utf-8" in head
    assert body.startswith((b'{"success":', b'{"status":'))


@pytest.mark.parametrize(
    "request_line",
    [
        b"nonsense",
        b"GET",
        b"GET  HTTP/1.1",
        b"GET noslash HTTP/1.1",
        b"GET / HTTP/9.9",
        "GET /api/mobile/products/٤٢/complete HTTP/1.1".encode(),
        "GET /api/mobile/customers/7/orders?status=مؤكد HTTP/1.1".encode(),
        b"GET /\x00 HTTP/1.1",
        b"\x16\x03\x01\x02",
    ],
)
def test_what_is_no_http_is_refused_in_the_envelope(request_line: bytes, launch: Launch, store: Store) -> None:
    server = launch(store.url)
    received = server.exchange(request_line + b"\r\nHost: api\r\n\r\n")
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"content-type: application/json; charset=utf-8" in head
    assert json.loads(body)["details"] == {"code": "bad_request"}


@pytest.mark.parametrize(
    "headers",
    [
        (b"If-None-Match: \xff\xfe\x80",),
        (b"If-None-Match: " + b'"a",' * 5000,),
        (b"X-Long: " + b"x" * 60_000,),
        (b"Cookie: \xd8\xa7",) * 100,
        (b"Accept: nonsense", b"Accept-Encoding: ;;;", b"Range: bytes=5-1"),
        (b"Upgrade: websocket, h2c", b"Content-Length: 0"),
        (b"Host: b", b"Host: c"),
    ],
)
def test_odd_headers_are_answered(headers: tuple[bytes, ...], server: Server, store: Store) -> None:
    write_all(store)
    received = server.exchange(request_bytes(b"GET", PRODUCT_ADDRESS.encode(), *headers))
    assert received.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 5\r\n\r\n{{{{{",
        b"Content-Type: application/json\r\nContent-Length: 1\r\n\r\n{",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"Expect: 100-continue\r\nContent-Length: 0\r\n\r\n",
        b"Content-Type: multipart/form-data\r\nContent-Length: 2\r\n\r\nxx",
    ],
)
def test_a_body_is_ignored_however_it_comes(body: bytes, server: Server, store: Store) -> None:
    store.empty()
    path = b"/api/mobile/products/42/invalidate-cache"
    received = server.exchange(b"POST %b HTTP/1.1\r\nHost: api\r\nConnection: close\r\n%b" % (path, body))
    assert received.startswith(b"HTTP/1.1 202 ")
    assert store.redis.xlen("projector:refresh") == 1


def test_a_large_body_is_ignored(server: Server, store: Store) -> None:
    """Longer than any buffer on the way, on a connection that is used again."""
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    for _ in range(2):
        connection.request("POST", "/api/mobile/orders/9/invalidate-cache", body=b"x" * 3_000_000)
        response = connection.getresponse()
        assert (response.status, len(response.read()) > 0) == (202, True)
    connection.close()
    assert store.redis.xlen("projector:refresh") == 2


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_silently(
    kind: signal.Signals, workers: int, store: Store, launch: Launch
) -> None:
    """Exit code 0, also with a client that keeps its connection open."""
    write_all(store)
    server = launch(store.url, workers=workers)
    idle = http.client.HTTPConnection(*server.address, timeout=10)
    idle.request("GET", PRODUCT_ADDRESS)
    assert idle.getresponse().status == 200
    began = time.monotonic()
    assert server.stop(kind) == (0, "")
    assert time.monotonic() - began < 8
    idle.close()


def test_it_serves_without_redis_and_says_so(own_store: OwnStore, launch: Launch) -> None:
    """It starts, answers 503, and answers documents once Redis is there."""
    write_all(own_store)
    own_store.stop()
    server = launch(own_store.url)
    assert server.get("/api/mobile/health").status == 200
    assert server.get(PRODUCT_ADDRESS).status == 503
    own_store.start()
    own_store.build()
    write_all(own_store)
    deadline = time.monotonic() + 20
    while server.get("/api/mobile/ready").status != 200 and time.monotonic() < deadline:
        pass
    assert server.get(PRODUCT_ADDRESS).status == 200
    code, errors = server.stop()
    assert code == 0
    lines = [json.loads(line) for line in errors.splitlines()]
    refused = [line for line in lines if line["event"] == "answered with 503"]
    assert {"/api/mobile/ready", PRODUCT_ADDRESS} & {line["path"] for line in refused}
    assert all(line["request_id"] for line in refused)
    warnings = [line for line in lines if line["level"] == "warning" and line not in refused]
    assert [line["event"].split(":")[0] for line in warnings] == [
        "Redis is away, answers are stale or 503 until it is back",
        "Redis is back",
    ]


def test_requests_are_not_logged_unless_asked_for(store: Store, launch: Launch) -> None:
    server = launch(store.url)
    assert server.get("/api/mobile/health").status == 200
    server.stop()
    assert server.output == b""


@pytest.mark.parametrize("workers", [1, 2])
def test_the_access_log_is_one_json_line_for_each_request(workers: int, store: Store, launch: Launch) -> None:
    write_all(store)
    server = launch(store.url, workers, "access-log")
    etag = server.get(PRODUCT_ADDRESS, X_Request_ID="abc-1").headers["etag"]
    made = [
        server.get("/api/mobile/customers/7/orders?status=%D9%85", "HEAD").headers["x-request-id"],
        server.get(PRODUCT_ADDRESS, If_None_Match=etag).headers["x-request-id"],
        server.get("/nothing?" + "x" * 1_000).headers["x-request-id"],
    ]
    server.stop()
    lines = [json.loads(line) for line in server.output.splitlines()]
    assert all(line.pop("microseconds") > 0 for line in lines)
    seen = sorted((line["status"], line["method"], line["path"][:50], line["request_id"]) for line in lines)
    assert seen == [
        (200, "GET", PRODUCT_ADDRESS, "abc-1"),
        (200, "HEAD", "/api/mobile/customers/7/orders?status=%D9%85", made[0]),
        (304, "GET", PRODUCT_ADDRESS, made[1]),
        (404, "GET", "/nothing?" + "x" * 41, made[2]),
    ]
    sizes = {line["status"]: line["bytes"] for line in lines if line["method"] == "GET"}
    assert sizes[200] > 500
    assert sizes[304] == 0
    assert max(len(line["path"]) for line in lines) == 500


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stop_waits_for_answers_under_way(workers: int, own_store: OwnStore, launch: Launch) -> None:
    """Redis answers only after the signal has come."""
    write_all(own_store)
    server = launch(own_store.url, workers=workers)
    own_store.freeze()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(server.get, PRODUCT_ADDRESS)
        with suppress(FutureTimeout):
            waiting.result(timeout=0.2)
        server.process.send_signal(signal.SIGTERM)
        with suppress(FutureTimeout):
            waiting.result(timeout=0.2)
        assert not waiting.done()
        own_store.thaw()
        assert waiting.result(timeout=10).status == 200
    server.process.wait(10)
    assert server.stop()[0] == 0


def test_too_many_connections_are_refused_in_the_envelope(store: Store, launch: Launch) -> None:
    """Each connection beyond the limit is told to come back; when the others are gone, all is well."""
    server = launch(store.url)
    with ExitStack() as stack:
        for _ in range(2_000):
            stack.enter_context(socket.create_connection(server.address, timeout=10))
        refused = server.exchange(request_bytes(b"GET", b"/api/mobile/health"))
    head, _, body = refused.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 1" in head
    assert json.loads(body)["details"] == {"code": "overloaded"}
    deadline = time.monotonic() + 20
    while server.get("/api/mobile/health").status != 200 and time.monotonic() < deadline:
        pass
    assert server.get("/api/mobile/health").status == 200


def test_a_port_in_use_is_one_clear_error(store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServeError) as caught:
            serve(Settings(redis_url=store.url), port=port)
    assert str(caught.value) == (
        f"Cannot listen on 127.0.0.1:{port} (Address already in use). "
        "Choose another --host or --port, or stop the program that uses it."
    )


@pytest.mark.parametrize(("host", "port"), [("no such host", 0), ("192.0.2.1", 0), ("127.0.0.1", 70_000)])
def test_an_address_that_cannot_be_had_is_an_error(host: str, port: int, store: Store) -> None:
    with pytest.raises(ServeError, match="Cannot listen on"):
        serve(Settings(redis_url=store.url), host=host, port=port)
