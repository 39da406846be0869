"""Whatever bytes arrive, every answer is one of the contract's, none is a 500, and no connection stays."""

import json
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from random import Random

import pytest

from api.models.envelope import Failure
from tests.api.addresses import write_all
from tests.api.hasty_server import HastyServer
from tests.api.odd_requests import FRAMINGS, OddRequest, odd_requests
from tests.api.store import Store
from tests.api.wire import WireAnswer, exchange, read_answers
from tests.waiting import wait_until

CODES = {
    400: {"bad_request"},
    404: {"not_found", "no_such_path"},
    405: {"method_not_allowed"},
    422: {"invalid_input"},
}
LAST = b"GET /api/mobile/health HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n"
HOME = LAST.replace(b"health", b"home?branch_id=2")
COMPLAINT = re.compile(
    r"[-:.0-9TZ]+ \[warning\] "
    r"(Invalid HTTP request received\.|The head of the request is longer than 65536 bytes\.) *\[uvicorn\.error\] *"
)
THREADS = 8
MOST_GROWTH_MB = 40


@pytest.fixture(scope="module")
def running(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HastyServer]:
    """Afterwards it must still answer, have logged nothing but refusals, and stop as ever."""
    server = HastyServer(tmp_path_factory.mktemp("server"), redis_server, PROJECTOR_NEAR_CACHE_MB=4)
    yield server
    (answer,) = read_answers(exchange(server.address, LAST), [b"GET"])
    code = server.stop()
    assert (answer.status, code) == (200, 0)
    assert [line for line in server.errors().splitlines()[1:] if not COMPLAINT.fullmatch(line)] == []
    assert 500 not in {json.loads(line)["status"] for line in server.access_log()}


@pytest.fixture
def server(running: HastyServer, store: Store) -> HastyServer:
    """The same over documents."""
    write_all(store)
    return running


def assert_as_the_contract_says(answer: WireAnswer) -> None:
    if answer.status == 304:
        assert b"etag" in answer.headers
        return
    if answer.headers[b"content-type"] == b"text/html; charset=utf-8":
        assert (answer.status, answer.body[:15]) == (200, b"\n    <!DOCTYPE html>"[:15])
        return
    assert answer.headers[b"content-type"] == b"application/json; charset=utf-8"
    if answer.status in (200, 202):
        assert answer.content.keys() & {"success", "status", "openapi"}
        assert answer.content.get("success", True) is True
        return
    failure = Failure.model_validate(answer.content, strict=True)
    assert failure.details.code in CODES[answer.status]


def ask(server: HastyServer, request: OddRequest) -> list[WireAnswer]:
    """The answers to the request, its twin by HEAD, and a plain one at last; fewer where framing is lost."""
    methods = [request.method, b"HEAD", b"GET"]
    received = exchange(server.address, request.raw + request.as_method(b"HEAD") + LAST)
    answers = read_answers(received, methods)
    for answer in answers:
        if answer.body or answer.status == 304:
            assert_as_the_contract_says(answer)
    if request.ending == b"\r\n":
        assert answers, request
        assert len(answers) == len(methods) or answers[-1].is_last, request
    return answers


def test_odd_requests_are_answered_as_the_contract_says(server: HastyServer) -> None:
    """Each on a connection of its own; HEAD says what GET does, without the body."""
    compared = 0
    with ThreadPoolExecutor(THREADS) as pool:
        asked = list(odd_requests(seed=4, count=1_500))
        for request, answers in zip(asked, pool.map(lambda request: ask(server, request), asked), strict=True):
            if request.method == b"GET" and request.ending == b"\r\n" and len(answers) == 3:
                get, head, _ = answers
                assert (head.status, own_of_none(head), head.body) == (get.status, own_of_none(get), b""), request
                compared += 1
    assert compared > 300


def own_of_none(answer: WireAnswer) -> dict[bytes, bytes]:
    """Headers but for those that each answer has its own of."""
    return {name: value for name, value in answer.headers.items() if name not in (b"date", b"x-request-id")}


def test_pipelined_odd_requests_are_answered_in_order_until_one_is_no_http(server: HastyServer) -> None:
    """What comes before is answered, whatever comes behind."""
    random = Random(7)

    def ask_all(requests: list[OddRequest]) -> list[WireAnswer]:
        methods = [request.method for request in requests]
        received = exchange(server.address, b"".join(request.raw for request in requests) + LAST)
        return read_answers(received, [*methods, b"GET"])

    plain = [request for request in odd_requests(seed=8, count=400) if request.ending == b"\r\n"]
    rows = [random.sample(plain, random.randint(2, 12)) for _ in range(60)]
    with ThreadPoolExecutor(THREADS) as pool:
        for requests, answers in zip(rows, pool.map(ask_all, rows), strict=True):
            assert len(answers) == len(requests) + 1 or answers[-1].is_last
            for answer in answers:
                if answer.body:
                    assert_as_the_contract_says(answer)


def test_cut_and_spoilt_requests_end_their_connection(server: HastyServer) -> None:
    """Cut anywhere, with a byte changed anywhere, or sent slowly: an end comes, and only refusals or answers before."""
    random = Random(9)

    def spoil(request: OddRequest) -> None:
        raw = bytearray(request.raw[:3_000])
        if random.random() < 0.5:
            raw[random.randrange(len(raw))] = random.randrange(256)
        else:
            del raw[random.randrange(1, len(raw)) :]
        place = random.randrange(len(raw))
        received = exchange(server.address, bytes(raw[:place]), bytes(raw[place:]), pause=random.choice((0, 0.02)))
        assert not re.search(rb"HTTP/1\.1 5|Traceback", received), bytes(raw)

    with ThreadPoolExecutor(4 * THREADS) as pool:
        list(pool.map(spoil, odd_requests(seed=10, count=300)))


def test_what_hangs_up_early_or_floods_leaves_no_memory_behind(server: HastyServer) -> None:
    """Heads, trailers and chunk extensions without end, bodies of any size, and clients that go without a word."""
    floods = (
        b"GET /docs HTTP/1.1\r\n" + b"X: y\r\n" * 500_000,
        b"GET /docs HTTP/1.1\r\nX: " + b"y" * 3_000_000,
        b"GET /" + b"y" * 3_000_000,
        b"\r\n" * 500_000,
        b"POST /docs HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 500_000,
        b"POST /docs HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"y" * 3_000_000,
        b"POST /docs HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n" + b"y" * 3_000_000,
        b"GET /openapi.json HTTP/1.1\r\n\r\n" * 5_000,
    )

    def flood(number: int) -> None:
        with suppress(OSError), socket.create_connection(server.address, timeout=2) as connection:
            connection.sendall(floods[number % len(floods)])
            connection.recv(100)

    def leave(request: OddRequest) -> None:
        with suppress(OSError), socket.create_connection(server.address, timeout=2) as connection:
            connection.sendall(request.raw)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(flood, range(len(floods))))
        before = server.megabytes()
        list(pool.map(flood, range(6 * len(floods))))
        list(pool.map(leave, odd_requests(seed=11, count=500)))
    assert server.megabytes() - before < MOST_GROWTH_MB
    # What nobody waited for still asks Redis, in the order of its coming, and the documents go when the test ends.
    wait_until(server.serves_nobody, what="all that left are forgotten")
    (answer,) = read_answers(exchange(server.address, HOME), [b"GET"])
    assert answer.status == 200


def test_every_framing_is_tried() -> None:
    seen = {request.ending for request in odd_requests(seed=4, count=1_500)}
    assert seen == {b"\r\n", *FRAMINGS}
