"""A request that names a transaction waits until its documents reflect it, and is never answered with older ones."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import pytest
from httpx import AsyncClient
from pydantic import SecretStr

from api.app import create_app
from projector.names import REFLECTED_FIELD, WAITING_STREAM, verdict_key
from projector.settings import Settings
from tests.api import token_cases as tokens
from tests.api.addresses import DOCUMENT_ADDRESSES, JOINED_ADDRESSES, write_all
from tests.api.conftest import api_client, near_cache_on, started
from tests.api.samples import CUSTOMER, PRODUCT
from tests.api.store import OwnStore, Store
from tests.api.token_cases import bearer, token
from tests.api.waiting import until

pytestmark = pytest.mark.anyio

TOKEN = "5f0c3a9e-81234"  # noqa: S105 - names a transaction
KEY = "bff:product:42:complete"
PATH = "/api/mobile/products/42/complete"
BATCH = "/api/mobile/batch?keys=products/42,orders/9"


def confirm(store: Store, key: str = KEY, field: str = REFLECTED_FIELD, value: str = "1") -> None:
    """Says it as a worker does."""
    store.redis.hset(verdict_key(key, TOKEN), field, value)


async def is_asked(store: Store, *keys: str) -> list[dict[bytes, bytes]]:
    """Waits until somebody waits for each of these documents; the requests."""

    async def asked() -> bool:
        return {fields[b"key"].decode() for _, fields in store.redis.xrange(WAITING_STREAM)} >= set(keys)

    await until(asked)
    return [fields for _, fields in store.redis.xrange(WAITING_STREAM)]


@pytest.fixture(params=[0, 8])
async def client(request: pytest.FixtureRequest, store: Store) -> AsyncIterator[AsyncClient]:
    """Without and with near cache; it waits for 5 s, for two documents at most."""
    write_all(store)
    settings = Settings(
        redis_url=SecretStr(store.url), near_cache_mb=request.param, api_after_seconds=5, api_after_waiting=2
    )
    app = create_app(settings)
    async with started(app) as client:
        if request.param:
            await near_cache_on(app)
        yield client


async def test_it_is_answered_with_what_redis_holds_once_a_worker_has_said_so(
    store: Store, client: AsyncClient
) -> None:
    """Also where the near cache has an older answer, whose change message is still on its way."""
    before = await client.get(PATH)
    waiting = asyncio.create_task(client.get(PATH, params={"after": TOKEN}))
    (asked,) = await is_asked(store, KEY)
    assert asked[b"token"].decode() == TOKEN
    change_in_silence(store, KEY, PRODUCT | {"inventory": '{"new":true}'})
    assert not waiting.done()
    confirm(store)
    answer = await waiting
    assert (before.status_code, answer.status_code) == (200, 200)
    assert answer.json()["data"]["inventory"] == {"new": True}
    again = await client.get(PATH, params={"after": TOKEN}, headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
    assert store.redis.xlen(WAITING_STREAM) == 1


def change_in_silence(store: Store, key: str, sections: Mapping[str, str]) -> None:
    """A new state whose change message is still on its way."""
    store.write("elsewhere", sections)
    store.redis.rename("elsewhere", key)


async def test_it_is_504_at_the_end_and_says_when_to_come_back(store: Store) -> None:
    write_all(store)
    settings = Settings(redis_url=SecretStr(store.url), api_after_seconds=0.05)
    async with started(create_app(settings)) as client:
        alone = await client.get(PATH, params={"after": TOKEN})
        batch = await client.get(f"{BATCH}&after={TOKEN}")
        confirm(store)
        half = await client.get(f"{BATCH}&after={TOKEN}")
    for answer in (alone, batch):
        assert answer.status_code == 504
        assert answer.json()["details"]["code"] == "not_reflected"
        assert answer.headers["retry-after"] == "1"
    assert [item["status"] for item in half.json()["data"]["items"]] == [200, 504]


@pytest.mark.parametrize("text", ["x", "5f0c3a9e", "5f0c3a9e-", "5f0c3a9e-x", f"5f0c3a9e-{2**63}", "5F0C3A9E-1"])
async def test_what_is_no_token_is_422(client: AsyncClient, text: str) -> None:
    for address in (f"{PATH}?", f"{BATCH}&"):
        answer = await client.get(f"{address}after={text}")
        assert answer.status_code == 422
        assert answer.json()["details"]["errors"][0]["field"] == "after"


async def test_what_a_worker_refuses_is_422_for_this_reader_alone(store: Store, client: AsyncClient) -> None:
    refused, other = (asyncio.create_task(client.get(PATH, params={"after": TOKEN})) for _ in range(2))
    first, second = (await is_both_asked(store))[:2]
    confirm(store, field=first, value="names no transaction")
    done, _ = await asyncio.wait([refused, other], return_when=asyncio.FIRST_COMPLETED)
    assert [task.result().status_code for task in done] == [422]
    confirm(store, field=second, value="names no transaction")
    assert {(await task).status_code for task in (refused, other)} == {422}


async def is_both_asked(store: Store) -> list[str]:
    async def asked() -> bool:
        return store.redis.xlen(WAITING_STREAM) >= 2

    await until(asked)
    return [fields[b"nonce"].decode() for _, fields in store.redis.xrange(WAITING_STREAM)]


async def test_an_empty_token_waits_for_nothing(store: Store, client: AsyncClient) -> None:
    assert (await client.get(PATH, params={"after": ""})).status_code == 200
    assert store.redis.xlen(WAITING_STREAM) == 0


async def test_so_many_wait_at_once_and_others_are_not_disturbed(store: Store, client: AsyncClient) -> None:
    waiting = [asyncio.create_task(client.get(PATH, params={"after": TOKEN})) for _ in range(2)]
    await is_both_asked(store)
    third = await client.get(PATH, params={"after": TOKEN})
    assert (third.status_code, third.json()["details"]["code"]) == (503, "overloaded")
    assert (await client.get(PATH)).status_code == 200
    confirm(store)
    assert [(await task).status_code for task in waiting] == [200, 200]
    assert (await client.get(PATH, params={"after": TOKEN})).status_code == 200


async def test_whoever_goes_away_waits_no_longer(store: Store, client: AsyncClient) -> None:
    """Two may wait at once; two clients that left do not count."""
    gone = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(_: object) -> None:
        """Nobody hears it."""

    app = client._transport.app  # type: ignore[attr-defined]
    scope = {"type": "http", "method": "GET", "path": PATH, "query_string": f"after={TOKEN}".encode(), "headers": []}
    leaving = [asyncio.create_task(app(scope | {"app": app}, receive, send)) for _ in range(2)]
    await is_both_asked(store)
    gone.set()
    await asyncio.wait_for(asyncio.gather(*leaving), 2)
    waiting = asyncio.create_task(client.get(PATH, params={"after": TOKEN}))
    await asyncio.sleep(0)
    confirm(store)
    assert (await waiting).status_code == 200


@pytest.mark.parametrize("address", [*DOCUMENT_ADDRESSES, *JOINED_ADDRESSES])
async def test_every_address_of_documents_waits(store: Store, client: AsyncClient, address: str) -> None:
    """For each document that it reads, all of which are confirmed as they are asked for."""

    async def confirm_all() -> None:
        while True:
            for _, fields in store.redis.xrange(WAITING_STREAM):
                confirm(store, fields[b"key"].decode())
            await asyncio.sleep(0.002)

    plain = await client.get(address)
    confirming = asyncio.create_task(confirm_all())
    answer = await client.get(f"{address}{'&' if '?' in address else '?'}after={TOKEN}")
    confirming.cancel()
    with suppress(asyncio.CancelledError):
        await confirming
    assert (answer.status_code, answer.content) == (plain.status_code, plain.content)
    assert store.redis.xlen(WAITING_STREAM) > 0


async def test_a_redis_that_is_away_is_503_and_never_stale(own_store: OwnStore) -> None:
    own_store.write(KEY, PRODUCT)
    async with api_client(own_store.url, redis_timeout_seconds=0.3, near_cache_mb=8) as client:
        assert (await client.get(PATH)).status_code == 200
        waiting = asyncio.create_task(client.get(PATH, params={"after": TOKEN}))
        await is_asked(own_store, KEY)
        own_store.stop()
        answer = await waiting
    assert (answer.status_code, answer.json()["details"]["code"]) == (503, "unavailable")


async def test_nobody_waits_without_a_good_token_and_owners_are_as_new_as_the_answer(store: Store) -> None:
    """A salesperson was given the order's customer, of which the near cache does not know yet."""
    write_all(store)
    settings = Settings(redis_url=SecretStr(store.url), api_jwt_secret=SecretStr(tokens.SECRET), near_cache_mb=8)
    app = create_app(settings)
    async with started(app) as client:
        await near_cache_on(app)
        path, after, salesperson = "/api/mobile/orders/9/complete", {"after": TOKEN}, bearer(token(salesperson_id=77))
        assert (await client.get(path, params=after)).status_code == 401
        assert store.redis.xlen(WAITING_STREAM) == 0
        assert (await client.get(path, headers=salesperson)).status_code == 403
        change_in_silence(store, "bff:customer:7:complete", CUSTOMER | {"customer": '{"id":7,"salesperson":{"id":77}}'})
        assert (await client.get(path, headers=salesperson)).status_code == 403
        for key in ("bff:order:9:complete", "bff:customer:7:complete"):
            confirm(store, key)
        assert (await client.get(path, params=after, headers=salesperson)).status_code == 200
