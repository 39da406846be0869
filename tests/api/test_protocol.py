"""Connections that are not used as HTTP means them end soon, and what was asked on them is answered before."""

import json
import re
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import repeat

import pytest

from api.protocol import LONGEST_HEAD
from tests.api.addresses import write_all
from tests.api.hasty_server import KEEP_ALIVE_SECONDS, PATIENCE_SECONDS, HastyServer
from tests.api.store import Store
from tests.api.wire import WireAnswer, exchange, read_answers
from tests.waiting import wait_until

HEALTH = b"GET /api/mobile/health HTTP/1.1\r\nHost: api\r\n"
REFRESH = b"POST /api/mobile/orders/9/invalidate-cache HTTP/1.1\r\nHost: api\r\n"
LAST = HEALTH + b"Connection: close\r\n\r\n"
GRACE_SECONDS = 8
"""For a machine that does many things at once."""


@pytest.fixture(scope="module")
def server(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HastyServer]:
    server = HastyServer(tmp_path_factory.mktemp("server"), redis_server)
    yield server
    assert server.stop() == 0
    assert not re.search("Traceback|WebSocket|pip install", server.errors())


def statuses(received: bytes, *methods: bytes) -> list[int]:
    return [answer.status for answer in read_answers(received, list(methods))]


def seconds_until_the_end(server: HastyServer, first: bytes, then: bytes = b"") -> float:
    """For how long a connection lasts on which `first` is sent and then `then` again and again."""
    began = time.monotonic()
    with (
        socket.create_connection(server.address, timeout=PATIENCE_SECONDS / 5) as connection,
        suppress(ConnectionError),
    ):
        connection.sendall(first)
        while time.monotonic() - began < 20:
            with suppress(TimeoutError):
                if not connection.recv(1 << 16):
                    break
            connection.sendall(then)
    return time.monotonic() - began


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"G", b""),
        (HEALTH, b""),
        (HEALTH, b"X: y\r\n"),
        (HEALTH + b"\r\nGET", b""),
        (REFRESH + b"Content-Length: 100\r\n\r\nabc", b""),
        (REFRESH + b"Content-Length: 100\r\n\r\nabc", b"d"),
        (REFRESH + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
    ids=[
        "a byte",
        "half a head",
        "a head byte by byte",
        "another half",
        "half a body",
        "a slow body",
        "endless chunks",
    ],
)
def test_what_has_begun_to_arrive_must_arrive_soon(
    first: bytes, then: bytes, server: HastyServer, store: Store
) -> None:
    """However often a little more of it comes."""
    lasted = seconds_until_the_end(server, first, then)
    assert lasted < KEEP_ALIVE_SECONDS + PATIENCE_SECONDS + GRACE_SECONDS


def test_a_connection_on_which_nothing_is_asked_ends(server: HastyServer) -> None:
    assert KEEP_ALIVE_SECONDS * 0.9 < seconds_until_the_end(server, b"") < KEEP_ALIVE_SECONDS + GRACE_SECONDS


def test_a_body_that_was_not_awaited_leaves_the_connection_usable(server: HastyServer, store: Store) -> None:
    """It is answered before its body has come, and idle only after it."""
    with socket.create_connection(server.address, timeout=20) as connection:
        connection.sendall(REFRESH + b"Content-Length: 4\r\n\r\nab")
        received = b""
        while not received.endswith(b'will be rebuilt"}'):
            received += connection.recv(1 << 16)
        connection.sendall(b"cd")
        connection.sendall(LAST)
        while data := connection.recv(1 << 16):
            received += data
    assert statuses(received, b"POST", b"GET") == [202, 200]


def test_a_client_that_does_not_read_is_hung_up_on(server: HastyServer, store: Store) -> None:
    """More answers than the buffers on the way hold."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(20)
        connection.connect(server.address)
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: api\r\n\r\n" * 200)
        wait_until(lambda: server.serves(connection.getsockname()), what="the connection is served")
        wait_until(lambda: not server.serves(connection.getsockname()), what="the end of the connection")


def test_a_slow_reader_gets_all_of_it(server: HastyServer, store: Store) -> None:
    """It takes several times as long as the patience with one who reads nothing."""
    received, count = b"", 20
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(20)
        connection.connect(server.address)
        request = b"GET /openapi.json HTTP/1.1\r\nHost: api\r\n"
        connection.sendall((request + b"\r\n") * (count - 1) + request + b"Connection: close\r\n\r\n")
        began = time.monotonic()
        while data := connection.recv(1 << 16):
            received += data
            if time.monotonic() - began < 4 * PATIENCE_SECONDS:
                time.sleep(PATIENCE_SECONDS / 20)
    assert statuses(received, *repeat(b"GET", count)) == [200] * count


def test_a_client_that_resets_while_it_is_answered_is_no_fault(server: HastyServer, store: Store) -> None:
    """The fixture looks for the traceback."""
    for _ in range(50):
        with socket.create_connection(server.address, timeout=20) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: api\r\n\r\n" * 50)
            connection.recv(1 << 10)


def endless(beginning: bytes, more: bytes) -> Callable[[HastyServer], bytes]:
    return lambda server: exchange(server.address, beginning, *repeat(more * (8192 // len(more)), 500))


@pytest.mark.parametrize(
    "send",
    [
        endless(HEALTH, b"X: y\r\n"),
        endless(HEALTH + b"X: ", b"y"),
        endless(HEALTH, b"y"),
        endless(b"GET /", b"y"),
        endless(b"", b"\r\n"),
    ],
    ids=["headers", "header", "name", "path", "empty lines"],
)
def test_a_head_without_end_is_refused_in_the_envelope(
    send: Callable[[HastyServer], bytes], server: HastyServer
) -> None:
    (answer,) = read_answers(send(server), [b"GET"])
    assert (answer.status, answer.content["details"]) == (400, {"code": "bad_request"})


@pytest.mark.parametrize("ending", [b"0\r\n", b"1;", b"0\r\nX: "], ids=["trailers", "chunk extension", "trailer"])
def test_what_is_neither_head_nor_body_has_an_end(ending: bytes, server: HastyServer, store: Store) -> None:
    more = b"X: y\r\n" if ending == b"0\r\n" else b"y"
    head = REFRESH + b"Transfer-Encoding: chunked\r\n\r\n"
    answers = read_answers(endless(head + ending, more)(server), [b"POST", b"POST"])
    assert answers[0].status in (202, 400)
    assert all(answer.status == 400 for answer in answers[1:])


@pytest.mark.parametrize("length", [LONGEST_HEAD - 1_000, LONGEST_HEAD + 1])
def test_the_longest_head_is_the_same_however_it_comes(length: int, server: HastyServer) -> None:
    request = HEALTH + b"Connection: close\r\nX: " + b"x" * length + b"\r\n\r\n"
    at_once = statuses(exchange(server.address, request), b"GET")
    in_pieces = statuses(
        exchange(server.address, *[request[n : n + 5_000] for n in range(0, len(request), 5_000)]), b"GET"
    )
    assert at_once == in_pieces == [200 if length < LONGEST_HEAD else 400]


def test_many_short_requests_at_once_are_no_long_head(server: HastyServer) -> None:
    count = LONGEST_HEAD // len(HEALTH)
    received = exchange(server.address, (HEALTH + b"\r\n") * count + LAST)
    assert statuses(received, *repeat(b"GET", count + 1)) == [200] * (count + 1)


@pytest.mark.parametrize(
    "offer",
    [
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
        b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    ],
)
def test_the_offer_of_another_protocol_is_answered_as_if_it_were_none(offer: bytes, server: HastyServer) -> None:
    """And so is what follows it at once."""
    received = exchange(server.address, (HEALTH + offer + b"\r\n") * 3 + LAST)
    assert statuses(received, *repeat(b"GET", 4)) == [200] * 4


@pytest.mark.parametrize("garbage", [b"garbage\r\n\r\n", b"\x16\x03\x01\x02", b"GET / HTTP/9.9\r\n\r\n"])
def test_requests_before_garbage_are_answered(garbage: bytes, server: HastyServer, store: Store) -> None:
    """In their order, and then the connection ends."""
    write_all(store)
    orders = b"GET /api/mobile/customers/7/orders HTTP/1.1\r\nHost: api\r\n\r\n"
    answers = read_answers(exchange(server.address, orders + HEALTH + b"\r\n" + garbage), list(repeat(b"GET", 3)))
    assert [answer.status for answer in answers] in ([200, 200], [200, 200, 400])
    assert answers[-1].is_last
    assert [shown(answer) for answer in answers[:2]] == ["data", "service"]


def shown(answer: WireAnswer) -> str:
    return next(name for name in ("data", "service") if name in json.loads(answer.body))
