"""One table of requests, answered in front of FastAPI and by FastAPI's routes, cold and warm: always the same."""

import itertools
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from random import Random

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, InvalidURL, Response
from pydantic import SecretStr
from starlette.types import Receive, Scope, Send

from api.app import create_app
from projector.settings import Settings
from tests.api.addresses import DOCUMENT_ADDRESSES, write_all
from tests.api.conftest import near_cache_on, started
from tests.api.odd_requests import odd_target
from tests.api.samples import PRODUCT
from tests.api.store import Store
from tests.api.waiting import until

pytestmark = pytest.mark.anyio

PRODUCT_ADDRESS = "/api/mobile/products/42/complete"
HUGE = "9" * 18
OWN_ID = re.compile(r"[0-9a-f]{12}-[0-9a-f]+")
PLAIN = (
    *DOCUMENT_ADDRESSES,
    "/api/mobile/products/43/complete",
    "/api/mobile/products/0/complete",
    f"/api/mobile/products/{HUGE}/complete",
    "/api/mobile/customers/8/orders",
    "/api/mobile/salesperson/dashboard?salesperson_id=99&date_range=week",
    f"{PRODUCT_ADDRESS}?include_reviews=false",
    f"{PRODUCT_ADDRESS}?include_reviews=FALSE&include_similar=no",
    f"{PRODUCT_ADDRESS}?include_reviews=false&include_reviews=true",
    f"{PRODUCT_ADDRESS}?include_reviews=true&include_reviews=0",
    f"{PRODUCT_ADDRESS}?include%5Freviews=%66alse",
    f"{PRODUCT_ADDRESS}?unknown=1&&=&x",
    f"{PRODUCT_ADDRESS}?%FF=%00",
    f"{PRODUCT_ADDRESS}?",
    "/api/mobile/customers/7/quick?include_orders=false",
    "/api/mobile/customers/7/orders?limit=1&status=delivered",
    "/api/mobile/customers/7/orders?status=%D9%85&limit=100",
    "/api/mobile/customers/7/orders?status=",
    "/api/mobile/customers/7/orders?limit=007",
    "/api/mobile/salesperson/dashboard?salesperson_id=0003",
)
"""What the front answers itself."""
ODD = (
    "/api/mobile/products/042/complete",
    "/api/mobile/products/-1/complete",
    "/api/mobile/products/%34%32/complete",
    "/api/mobile/products/9223372036854775807/complete",
    "/api/mobile/products/9223372036854775808/complete",
    f"/api/mobile/products/{'9' * 500}/complete",
    "/api/mobile/products/42x/complete",
    "/api/mobile/products/+42/complete",
    "/api/mobile/products//complete",
    "/api/mobile/products/42/complete/",
    "/api/mobile/products/42/complete/more",
    "/api/mobile/products/42/completed",
    "/api/mobile/products/42/quick",
    "/api/mobile/products/42/",
    "//api/mobile/products/42/complete",
    "/api/mobile/PRODUCTS/42/complete",
    "/api/mobile/products/42%2Fcomplete",
    "/api/mobile/products/4%32/complete?include_reviews=false",
    "/api/mobile/salesperson/dashboard",
    "/api/mobile/salesperson/dashboard/",
    "/api/mobile/salesperson/dashboard?salesperson_id=x&date_range=year",
    f"{PRODUCT_ADDRESS}?include_reviews=maybe",
    f"{PRODUCT_ADDRESS}?include_reviews=true&include_reviews=maybe",
    f"{PRODUCT_ADDRESS}?x={'y' * 300}",
    f"/api/mobile/customers/7/orders?status={'x' * 300}",
    "/api/mobile/customers/7/orders?limit=0",
)
"""What it hands on."""
HEADERS: tuple[list[tuple[str, str]], ...] = (
    [],
    [("accept-encoding", "gzip")],
    [("accept-encoding", "gzip;q=0.5"), ("accept-encoding", "zstd")],
    [("if-none-match", "*")],
    [("if-none-match", '"no"'), ("if-none-match", 'W/"nor this"')],
    [("x-request-id", "abc-1.2:3")],
    [("x-request-id", "not sensible\x7f")],
    [("x-request-id", "x" * 129)],
)


class Doors:
    """The same application through the front and through FastAPI alone."""

    def __init__(self, front: AsyncClient, routes: AsyncClient) -> None:
        self.front, self.routes = front, routes


@pytest.fixture(params=[0, 8], ids=["cold", "warm"])
async def doors(request: pytest.FixtureRequest, store: Store) -> AsyncIterator[Doors]:
    write_all(store)
    app = create_app(Settings(redis_url=SecretStr(store.url), near_cache_mb=request.param))

    async def routes(scope: Scope, receive: Receive, send: Send) -> None:
        await FastAPI.__call__(app, scope, receive, send)

    async with AsyncExitStack() as stack:
        front = await stack.enter_async_context(started(app))
        if request.param:
            await near_cache_on(app)
        transport = ASGITransport(app=routes, raise_app_exceptions=False)
        alone = await stack.enter_async_context(AsyncClient(transport=transport, base_url="http://api"))
        alone.headers["accept-encoding"] = "identity"
        front.event_hooks = {"response": [_forget_own_id]}
        yield Doors(front, alone)


async def _forget_own_id(response: Response) -> None:
    """What the front adds to what the routes say."""
    if OWN_ID.fullmatch(response.headers.get("x-request-id", "")):
        del response.headers["x-request-id"]


@pytest.mark.parametrize("address", [*PLAIN, *ODD])
async def test_both_doors_answer_the_same(address: str, doors: Doors) -> None:
    """With all kinds of headers, and again from the near cache; the request id is the front's alone."""
    for headers, method in itertools.product(HEADERS, ("GET", "HEAD")):
        there = await doors.routes.request(method, address, headers=headers)
        here = await doors.front.request(method, address, headers=headers)
        assert (here.status_code, here.content) == (there.status_code, there.content)
        echoed = here.headers.pop("x-request-id", None)
        assert here.headers == there.headers
        assert echoed == (dict(headers).get("x-request-id") if ("x-request-id", "abc-1.2:3") in headers else None)


async def test_both_doors_answer_odd_requests_the_same(doors: Doors) -> None:
    """Whatever of their targets a client's library lets through."""
    random = Random(12)
    for _ in range(600):
        target, headers = odd_target(random), {"if-none-match": random.choice(('"a"', "*")), "accept-encoding": "gzip"}
        try:
            request = doors.front.build_request("GET", f"http://api{target.decode('ascii')}", headers=headers)
        except (UnicodeDecodeError, InvalidURL):
            continue
        here, there = [await door.send(request) for door in (doors.front, doors.routes)]
        assert (here.status_code, here.content, here.headers) == (there.status_code, there.content, there.headers), (
            target
        )


@pytest.mark.parametrize("address", DOCUMENT_ADDRESSES)
async def test_both_doors_know_the_same_etags(address: str, doors: Doors) -> None:
    for coding in ("identity", "gzip", "zstd"):
        etag = (await doors.routes.get(address, headers={"accept-encoding": coding})).headers["etag"]
        known = {"if-none-match": etag, "accept-encoding": coding}
        answers = [await door.get(address, headers=known) for door in (doors.front, doors.routes)]
        assert [answer.status_code for answer in answers] == [304, 304]
        assert answers[0].headers == answers[1].headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "BREW"])
async def test_other_methods_are_handed_on(method: str, doors: Doors) -> None:
    here, there = [await door.request(method, PRODUCT_ADDRESS) for door in (doors.front, doors.routes)]
    assert (here.status_code, here.content, here.headers) == (there.status_code, there.content, there.headers)


async def test_only_what_is_odd_reaches_fastapi(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    write_all(store)
    reached: list[str] = []
    served = FastAPI.__call__

    async def watched(self: FastAPI, scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["path"])
        await served(self, scope, receive, send)

    monkeypatch.setattr(FastAPI, "__call__", watched)
    async with started(create_app(Settings(redis_url=SecretStr(store.url), near_cache_mb=0))) as client:
        for address in (*PLAIN, *ODD):
            reached.clear()
            await client.get(address)
            assert bool(reached) is (address in ODD), address


async def test_a_fault_of_the_api_is_reported_by_fastapi(store: Store, doors: Doors) -> None:
    store.write("bff:customer:7:orders", {"orders": "not what the projector writes"})

    async def is_seen() -> bool:
        return (await doors.routes.get("/api/mobile/customers/7/orders")).status_code == 500

    await until(is_seen)
    here = await doors.front.get("/api/mobile/customers/7/orders")
    assert (here.status_code, here.json()["details"]) == (500, {"code": "internal_error"})


async def test_errors_without_redis_are_the_same(doors: Doors, store: Store) -> None:
    store.empty()
    store.write("bff:product:42:complete", PRODUCT)
    for address in ("/api/mobile/orders/1/quick", "/api/mobile/customers/8/financial"):
        here, there = [await door.get(address) for door in (doors.front, doors.routes)]
        assert here.status_code == there.status_code == 503
        assert (here.content, here.headers) == (there.content, there.headers)


@pytest.mark.parametrize("address", [PRODUCT_ADDRESS, "/api/mobile/health", "/nothing"])
async def test_a_request_without_a_sensible_id_gets_one_of_its_own(
    address: str, doors: Doors, request: pytest.FixtureRequest
) -> None:
    """But not where the answer is at hand."""
    doors.front.event_hooks = {"response": []}
    await doors.front.get(address)
    headers: list[dict[str, str]] = [{}, {"x-request-id": "x" * 129}, {"x-request-id": 'a"b'}, {"x-request-id": ""}]
    given = [(await doors.front.get(address, headers=each)).headers.get_list("x-request-id") for each in headers]
    if address == PRODUCT_ADDRESS and "warm" in request.node.callspec.id:
        assert given == [[]] * len(headers)
        return
    assert [len(ids) for ids in given] == [1] * len(headers)
    assert len({id_ for (id_,) in given}) == len(headers)
    assert all(OWN_ID.fullmatch(id_) for (id_,) in given)


@pytest.mark.parametrize(
    "address", [PRODUCT_ADDRESS, "/api/mobile/health", "/nothing", "/api/mobile/products/x/complete"]
)
async def test_a_request_id_comes_back_whoever_answers(address: str, doors: Doors) -> None:
    response = await doors.front.get(address, headers={"x-request-id": "0b2c-7"})
    assert response.headers.get_list("x-request-id") == ["0b2c-7"]
