"""Streams of events of a real server process: what they cost, and how they end."""

import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import psutil  # type: ignore[import-untyped]
import pytest

from tests.api.addresses import write_all
from tests.api.listening import connect
from tests.api.samples import CUSTOMER_ORDERS, ORDER
from tests.api.store import BUILT_US, Store
from tests.api.test_server import Server
from tests.waiting import wait_until

IDLE = 1_000
MOST_BYTES = 100_000_000
SHUTDOWN_SECONDS = 60
"""For which the server would wait, if streams did not end."""
KEYS = "orders/9,customers/7,salesperson/3/dashboard"


@pytest.fixture(scope="module")
def environment() -> Iterator[None]:
    """Of all servers: any number of streams for each caller, and little patience."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROJECTOR_API_STREAMS", str(IDLE + 100))
        patch.setenv("PROJECTOR_API_STREAMS_PER_CALLER", "0")
        patch.setenv("PROJECTOR_API_STREAM_SLOW_SECONDS", "0.5")
        patch.setenv("PROJECTOR_API_STREAM_HEARTBEAT_SECONDS", "1")
        patch.setenv("PROJECTOR_API_REDIS_TIMEOUT_SECONDS", "20")
        patch.setenv("PROJECTOR_SHUTDOWN_SECONDS", str(SHUTDOWN_SECONDS))
        yield


@pytest.fixture(scope="module")
def shared(redis_server: str, environment: None) -> Iterator[Server]:
    server = Server(redis_server)
    yield server
    assert server.stop() == (0, "")  # nothing that these tests do is an error or a warning


@pytest.fixture
def server(shared: Server, store: Store) -> Server:
    write_all(store)
    return shared


def read_until(connection: socket.socket, text: bytes, received: bytes = b"") -> bytes:
    """What comes up to the text and a little more; AssertionError where the connection ends before."""
    while text not in received:
        data = connection.recv(65_536)
        assert data, received
        received += data
    return received


def test_a_thousand_idle_listeners_cost_little(server: Server, store: Store) -> None:
    """And all of them are told of a change."""
    process = psutil.Process(server.process.pid)
    with ExitStack() as stack:
        first = stack.enter_context(connect(server.address, KEYS))
        read_until(first, b'"key":"salesperson/3/dashboard"')
        before = process.memory_info().rss
        listeners = [stack.enter_context(connect(server.address, KEYS)) for _ in range(IDLE)]
        for listener in listeners:
            read_until(listener, b'"key":"salesperson/3/dashboard"')
        cost = process.memory_info().rss - before
        print(f"{IDLE} idle listeners: {cost / 1e6:.1f} MB")  # noqa: T201 - the figure in docs/decisions/23
        assert cost < MOST_BYTES
        store.write("bff:order:9:complete", ORDER, BUILT_US + 1)
        for listener in listeners:
            read_until(listener, b"event: change")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stopping_server_ends_its_streams_at_once(workers: int, environment: None, store: Store) -> None:
    """The client is told, the answer is complete, and nobody waits for it."""
    write_all(store)
    server = Server(store.url, workers)
    with ExitStack() as stack:
        stack.callback(server.process.wait, 30)
        stack.callback(server.process.kill)
        listeners = [stack.enter_context(connect(server.address, KEYS)) for _ in range(4)]
        received = [read_until(listener, b'"key":"salesperson/3/dashboard"') for listener in listeners]
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        for listener, before in zip(listeners, received, strict=True):
            rest = read_until(listener, b"\r\n0\r\n\r\n", before)
            assert b'event: bye\ndata: {"reason":"stopping"}\n\n' in rest
            assert listener.recv(1) == b""
        server.process.wait(60)
        assert server.stop() == (0, "")
    assert time.monotonic() - began < SHUTDOWN_SECONDS


def test_a_client_that_does_not_read_is_cut_off(server: Server, store: Store) -> None:
    """With all that waits for it; others go on."""
    with ExitStack() as stack:
        slow = stack.enter_context(connect(server.address, "customers/7/orders&full=true", receive_buffer=4_096))
        reader = stack.enter_context(connect(server.address, "orders/9"))
        read_until(reader, b"event: state")
        process = psutil.Process(server.process.pid)
        count = len(process.net_connections())
        long = CUSTOMER_ORDERS["orders"].replace("SO-5", "x" * 3_000_000)
        for number in range(3):
            store.write("bff:customer:7:orders", {"orders": long}, BUILT_US + number)
            time.sleep(0.2)
        wait_until(lambda: len(process.net_connections()) < count, 30, "the end of the connection")
        with pytest.raises((AssertionError, ConnectionError)):
            read_until(slow, b"no such text")
        store.write("bff:order:9:complete", ORDER, BUILT_US + 1)
        read_until(reader, b"event: change")


def test_an_answer_begins_as_every_other_does(server: Server) -> None:
    """Security headers and CORS are the server's; nothing compresses or holds back what is a stream."""
    with connect(server.address, "orders/9", "Accept-Encoding: gzip, zstd", "X-Request-ID: abc") as listener:
        head, _, _ = read_until(listener, b"event: state").partition(b"\r\n\r\n")
        names = re.findall(rb"(?m)^([\w-]+): ", head.lower())
        assert sorted(names) == [
            b"cache-control", b"content-type", b"date", b"transfer-encoding", b"x-accel-buffering", b"x-request-id",
        ]  # fmt: skip
