"""Streams of events: what they tell is what a GET answers, and nothing that changed goes untold."""

import asyncio
import json
import random
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import quote

import pytest
from httpx import AsyncClient
from pydantic import SecretStr

from api.app import ReadApi, create_app
from api.lasting import END
from api.models.envelope import Failure
from projector.settings import Settings
from tests.api import token_cases
from tests.api.addresses import DOCUMENT_ADDRESSES, DOCUMENTS, JOINED_ADDRESSES, write_all
from tests.api.conftest import started
from tests.api.listening import Event, Heard, listening
from tests.api.samples import CUSTOMER, ORDER, PRODUCT, without_id
from tests.api.store import BUILT_US, OwnStore, Store
from tests.api.waiting import until

pytestmark = pytest.mark.anyio

ORDER_KEY = "bff:order:9:complete"
ADDRESSES = {
    "products/42": "/products/42/complete",
    "products/42/detail": "/products/42",
    "customers/7": "/customers/7/complete",
    "customers/7/quick": "/customers/7/quick",
    "customers/7/financial": "/customers/7/financial",
    "customers/7/orders": "/customers/7/orders",
    "customers/7/orders?limit=1": "/customers/7/orders?limit=1",
    "orders/9": "/orders/9/complete",
    "orders/9/quick": "/orders/9/quick",
    "salesperson/3/dashboard": "/salesperson/dashboard?salesperson_id=3",
    "home?branch_id=2": "/home?branch_id=2",
    "home?branch_id=2&customer_id=7": "/home?branch_id=2&customer_id=7",
    "checkout?customer_id=7&branch_id=2": "/checkout?customer_id=7&branch_id=2",
}
"""Keys, and the addresses that they stand for."""


def settings(store: Store, **changes: Any) -> Settings:
    return Settings(redis_url=SecretStr(store.url), api_redis_timeout_seconds=5, near_cache_mb=8, **changes)


@asynccontextmanager
async def serving(store: Store, **changes: Any) -> AsyncIterator[tuple[ReadApi, AsyncClient]]:
    """A started application over every sample."""
    write_all(store)
    app = create_app(settings(store, **changes))
    async with started(app) as client:
        yield app, client


def write_order(store: Store, **changes: str) -> None:
    """An order with other sections, changed just now."""
    built = {name: BUILT_US + random.randrange(10**9) if name in changes else BUILT_US for name in ORDER}
    store.write(ORDER_KEY, ORDER | changes, built)


async def etag(client: AsyncClient, address: str) -> str | None:
    found: str | None = (await client.get(f"/api/mobile{address}")).headers.get("etag")
    return found


async def take(heard: Heard, kind: str, count: int = 1) -> list[Event]:
    events = [await heard.next() for _ in range(count)]
    assert [event.kind for event in events] == [kind] * count
    return events


@pytest.mark.parametrize("near_cache_mb", [0, 8])
async def test_each_key_begins_with_the_etag_of_its_address(near_cache_mb: int, store: Store) -> None:
    write_all(store)
    app = create_app(settings(store).model_copy(update={"near_cache_mb": near_cache_mb}))
    async with started(app) as client, listening(app, quote(",".join(ADDRESSES), safe="/,?=")) as heard:
        states = await take(heard, "state", len(ADDRESSES))
        told = {event.data["key"]: event.data["etag"] for event in states}
        assert told == {key: await etag(client, address) for key, address in ADDRESSES.items()}
        assert all(event.data["status"] == 200 for event in states)
        assert all(re.fullmatch(r"\d{10} \d{20} \d{17}", event.data["version"]) for event in states)
        assert without_id(heard.headers) == {
            "content-type": "text/event-stream; charset=utf-8",
            "cache-control": "no-store",
            "x-accel-buffering": "no",
        }
    assert len(ADDRESSES) == len(DOCUMENT_ADDRESSES) + len(JOINED_ADDRESSES) + 1


async def test_a_change_is_told_where_the_answer_changed_and_nowhere_else(store: Store) -> None:
    """Not of a rebuild that yields the same bytes, nor at an address that does not show what changed."""
    async with serving(store) as (app, client), listening(app, "orders/9,orders/9/quick,customers/8") as heard:
        before = await take(heard, "state", 3)
        assert (before[2].data["status"], before[2].data["etag"], before[2].data["version"]) == (404, None, None)
        store.write(ORDER_KEY, ORDER)
        write_order(store, items='{"list":[],"count":0,"total_value":0}')
        (change,) = await take(heard, "change")
        assert change.data["key"] == "orders/9"
        assert change.data["etag"] == await etag(client, "/orders/9/complete") != before[0].data["etag"]
        assert change.data["version"] > before[0].data["version"]
        store.write("bff:customer:8:complete", CUSTOMER)
        (change,) = await take(heard, "change")
        assert (change.data["key"], change.data["status"]) == ("customers/8", 200)
        store.bury("bff:customer:8:complete")
        (change,) = await take(heard, "change")
        assert (change.data["key"], change.data["status"], change.data["etag"]) == ("customers/8", 404, None)


async def test_an_address_that_joins_documents_tells_of_each_of_them(store: Store) -> None:
    """Of the cart's products, too, also of one that comes to be there only later."""
    key = "checkout?customer_id=7%26branch_id=2"
    async with serving(store) as (app, client), listening(app, key) as heard:
        await take(heard, "state")
        store.write("bff:product:42:complete", PRODUCT | {"images": "[]"}, BUILT_US + 1)
        (change,) = await take(heard, "change")
        cart = json.loads(DOCUMENTS["bff:customer:7:shopper"]["cart"])
        cart["items"][1]["product_id"] = 43
        shopper = DOCUMENTS["bff:customer:7:shopper"] | {"cart": json.dumps(cart)}
        store.write("bff:customer:7:shopper", shopper, BUILT_US + 2)
        (change,) = await take(heard, "change")
        store.write("bff:product:43:complete", PRODUCT, BUILT_US + 3)
        (change,) = await take(heard, "change")
        assert change.data["etag"] == await etag(client, "/checkout?customer_id=7&branch_id=2")


async def test_full_events_hold_the_answer(store: Store) -> None:
    """Also one with line ends between its tokens."""
    async with serving(store) as (app, client), listening(app, "customers/7/orders,orders/1&full=true") as heard:
        orders, missing = await take(heard, "state", 2)
        assert orders.data["answer"] == (await client.get("/api/mobile/customers/7/orders")).json()
        assert missing.data["answer"] == (await client.get("/api/mobile/orders/1/complete")).json()
        write_order(store, summary='\r\n{"a":\r1}')
    async with serving(store) as (app, client), listening(app, "orders/9&full=yes") as heard:
        write_order(store, summary='\r\n{"a":\r1}')
        while (event := await heard.next()).data["answer"]["data"]["summary"] != {"a": 1}:
            pass
        assert event.data["etag"] == await etag(client, "/orders/9/complete")


@pytest.mark.parametrize(
    "keys",
    [
        "", "orders/9,", "orders/x", "order/9", "orders/9/complete/", "products/42/detail/more", "home?branch_id=x",
        "checkout", "customers/7/orders?limit=500", "orders/9999999999999999999", "orders/9?" + "x" * 200,
        ",".join(f"orders/{number}" for number in range(51)), "orders/9&full=perhaps", "salesperson/3/dashboard/year",
    ],
)  # fmt: skip
async def test_keys_that_cannot_be_used_are_refused_in_the_envelope(keys: str, store: Store) -> None:
    async with serving(store) as (_, client):
        answer = await client.get(f"/api/mobile/events?keys={keys}")
        failure = Failure.model_validate_json(answer.content, strict=True)
        assert (answer.status_code, failure.details.code) == (422, "invalid_input")
        assert failure.details.errors
        assert failure.details.errors[0].field == ("full" if "full" in keys else "keys")


async def test_who_comes_back_is_sent_what_changed_meanwhile(store: Store) -> None:
    """Once, as it is by now; nothing of what is the same; and all of it where the id says nothing."""
    keys = "orders/9,customers/7,products/1"
    async with AsyncExitStack() as stack:
        app, client = await stack.enter_async_context(serving(store))
        other = create_app(settings(store))
        await stack.enter_async_context(started(other))
        async with listening(app, keys) as heard:
            await take(heard, "state", 3)
        write_order(store, summary="{}")
        write_order(store, summary='{"twice":true}')
        async with listening(other, keys, heard.last_id) as again:
            (change,) = await take(again, "change")
            assert change.data["key"] == "orders/9"
            assert change.data["etag"] == await etag(client, "/orders/9/complete")
            store.write("bff:product:1:complete", PRODUCT)
            (change,) = await take(again, "change")
            assert change.data["key"] == "products/1"
        for strange, asked in ((again.last_id, "orders/9"), ("nonsense", keys), ("%%%", keys), ("x" * 4000, keys)):
            async with listening(app, asked, strange) as lost:
                await take(lost, "reload")
                await take(lost, "state", asked.count(",") + 1)


async def test_a_process_that_lags_sends_nothing_older_than_the_client_has(store: Store) -> None:
    """Its change message is late: what it holds in its near cache is not told, what comes next is."""
    async with AsyncExitStack() as stack:
        app, client = await stack.enter_async_context(serving(store))
        write_order(store, summary='{"is":"new"}')
        async with listening(app, "orders/9") as heard:
            await take(heard, "state")
        write_all(store)  # as another process would still see it, but with later versions
        late = create_app(settings(store))
        await stack.enter_async_context(started(late))
        fields = store.redis.hgetall(ORDER_KEY)
        old = {name: value.replace(b" 00000000000000001", b" 00000000000000000") for name, value in fields.items()}
        store.replace(ORDER_KEY, old)
        async with listening(late, "orders/9", heard.last_id) as again:
            (stale,) = await take(again, "stale")
            assert stale.data == {"keys": ["orders/9"]}
            write_order(store, summary='{"is":"newest"}')
            (change,) = await take(again, "change")
            assert change.data["etag"] == await etag(client, "/orders/9/complete")
            await take(again, "fresh")


async def test_a_client_that_does_not_read_is_sent_the_newest_alone(store: Store) -> None:
    taking = asyncio.Event()
    taking.set()
    async with serving(store) as (app, client), listening(app, "orders/9", gate=taking) as heard:
        await take(heard, "state")
        taking.clear()
        for number in range(20):
            write_order(store, summary=f'{{"number":{number}}}')
            await asyncio.sleep(0.01)
        taking.set()
        told = [(await heard.next()).data["etag"]]
        while told[-1] != await etag(client, "/orders/9/complete"):
            told.append((await heard.next()).data["etag"])
        assert len(told) <= 4


async def test_a_client_that_takes_nothing_for_too_long_is_dropped(store: Store) -> None:
    taking = asyncio.Event()
    taking.set()
    changes = {"api_stream_slow_seconds": 0.3, "api_stream_heartbeat_seconds": 0.2}
    async with serving(store, **changes) as (app, _), listening(app, "orders/9", gate=taking) as heard:
        await take(heard, "state")
        assert (await heard.next(heartbeats=True)).kind is None
        taking.clear()
        await heard.ended()
        assert heard.was_hung_up
        assert app.state.tally["streams_dropped"] == 1


async def test_so_many_streams_and_no_more(store: Store) -> None:
    async with AsyncExitStack() as stack:
        app, _ = await stack.enter_async_context(serving(store, api_streams=3, api_streams_per_caller=2))
        for client in ("10.0.0.1", "10.0.0.1", "10.0.0.2"):
            heard = await stack.enter_async_context(listening(app, "orders/9", client=client))
            await take(heard, "state")
        for client, status, code in (("10.0.0.1", 429, "too_many_requests"), ("10.0.0.3", 503, "overloaded")):
            async with listening(app, "orders/9", client=client) as refused:
                await refused.ended()
            assert (refused.status, json.loads(refused.body)["details"]["code"]) == (status, code)
            assert int(refused.headers["retry-after"]) > 0
        assert app.state.tally["stream_events"] == 3
    async with serving(store, api_streams=1) as (app, _):
        for _ in range(2):
            async with listening(app, "orders/9") as heard:
                await take(heard, "state")


async def test_head_tells_what_get_would_without_a_stream(store: Store) -> None:
    async with serving(store) as (app, client), listening(app, "orders/9", method="HEAD") as heard:
        await heard.ended()
        assert (heard.status, heard.body) == (200, b"")
        assert heard.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert (await client.post("/api/mobile/events?keys=orders/9")).headers["allow"] == "GET, HEAD"


async def test_a_stopping_server_says_good_bye(store: Store) -> None:
    async with serving(store) as (app, _), listening(app, "orders/9") as heard:
        await take(heard, "state")
        heard.state[END]()
        (bye,) = await take(heard, "bye")
        assert bye.data == {"reason": "stopping"}
        await heard.ended()


async def test_while_redis_is_away_the_stream_says_so(own_store: OwnStore) -> None:
    """And tells what changed meanwhile when it is back, before it says that all is well."""
    async with AsyncExitStack() as stack:
        write_all(own_store)
        app = create_app(settings(own_store).model_copy(update={"api_redis_timeout_seconds": 0.5}))
        client = await stack.enter_async_context(started(app))
        heard = await stack.enter_async_context(listening(app, "orders/9,customers/7"))
        await take(heard, "state", 2)
        own_store.stop()
        (stale,) = await take(heard, "stale")
        assert stale.data == {"keys": ["orders/9", "customers/7"]}
        async with listening(app, "orders/9") as refused:
            await refused.ended()
        assert (refused.status, json.loads(refused.body)["details"]["key"]) == (503, "orders/9")
        own_store.start()
        own_store.build()
        write_all(own_store)
        write_order(own_store, summary='{"meanwhile":true}')
        told = [await heard.next()]
        while told[-1].kind != "fresh":
            told.append(await heard.next())
        changes = [event.data["key"] for event in told if event.kind == "change"]
        assert changes == ["orders/9"]
        assert told[-2].data["etag"] == await etag(client, "/orders/9/complete")


def guarded(store: Store) -> Settings:
    return settings(store, api_jwt_secret=SecretStr(token_cases.SECRET), api_clock_skew_seconds=0)


async def test_a_token_listens_to_what_it_may_read(store: Store) -> None:
    """The refusal names the key; who loses a document while listening is shown out before the change is told."""
    write_all(store)
    app = create_app(guarded(store))
    seven = token_cases.bearer(token_cases.token(customer_id=7))
    async with started(app) as client:
        for headers, status in (({}, 401), (token_cases.bearer(token_cases.token(scope="mobile:refresh")), 403)):
            answer = await client.get("/api/mobile/events?keys=orders/9", headers=headers)
            assert answer.status_code == status
        answer = await client.get("/api/mobile/events?keys=orders/9,customers/8", headers=seven)
        details = Failure.model_validate_json(answer.content, strict=True).details
        assert (answer.status_code, details.code, details.key) == (403, "forbidden", "customers/8")
        async with listening(app, "orders/9,customers/7", headers=seven) as heard:
            await take(heard, "state", 2)
            write_order(store, customer=ORDER["customer"].replace('"id":7', '"id":8'))
            (bye,) = await take(heard, "bye")
            assert bye.data == {"reason": "forbidden"}
            await heard.ended()


async def test_a_stream_ends_with_its_token(store: Store) -> None:
    write_all(store)
    app = create_app(guarded(store))
    ends = int(time.time()) + 3
    async with (
        started(app),
        listening(app, "orders/9", headers=token_cases.bearer(token_cases.token(exp=ends))) as heard,
    ):
        await take(heard, "state")
        (bye,) = await take(heard, "bye")
        assert bye.data == {"reason": "token_expired"}
        assert time.time() >= ends


KINDS = {
    "orders/9": (ORDER_KEY, ORDER, "summary"),
    "orders/9/quick": (ORDER_KEY, ORDER, "items"),
    "customers/7": ("bff:customer:7:complete", CUSTOMER, "recent_orders"),
    "products/42": ("bff:product:42:complete", PRODUCT, "images"),
}


@pytest.mark.parametrize("seed", range(3))
async def test_whoever_reconnects_at_random_ends_with_what_get_answers(seed: int, store: Store) -> None:
    """At either of two processes, without a version that goes back, over random changes, rebuilds and deletions."""
    chance = random.Random(seed)
    held: dict[str, tuple[str | None, str | None]] = {}
    last_id: str | None = None

    def note(event: Event) -> None:
        assert event.kind in ("state", "change"), event
        version, before = event.data["version"], held.get(event.data["key"], (None, None))[1]
        assert version is None or before is None or version >= before
        held[event.data["key"]] = (event.data["etag"], version)

    def change() -> None:
        key, sections, section = KINDS[chance.choice([*KINDS])]
        what = chance.random()
        if what < 0.1:
            store.bury(key)
        elif what < 0.3:
            store.write(key, sections)
        else:
            body = json.dumps({"random": chance.randrange(10**9)})
            store.write(key, sections | {section: body}, BUILT_US + chance.randrange(10**9))

    async with AsyncExitStack() as stack:
        first, client = await stack.enter_async_context(serving(store))
        second = create_app(settings(store))
        await stack.enter_async_context(started(second))
        for _ in range(25):
            async with listening(chance.choice([first, second]), ",".join(KINDS), last_id) as heard:
                for _ in range(chance.randrange(5)):
                    change()
                    await asyncio.sleep(chance.choice([0, 0.01, 0.1]))
                while (event := heard.next_now()) is not None:
                    note(event)
            last_id = heard.last_id or last_id

        async def is_level() -> bool:
            while (event := heard.next_now()) is not None:
                note(event)
            return {key: held.get(key, ("", None))[0] for key in KINDS} == {
                key: await etag(client, ADDRESSES[key]) for key in KINDS
            }

        async with listening(first, ",".join(KINDS), last_id) as heard:
            await until(is_level)
