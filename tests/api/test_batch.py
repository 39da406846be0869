"""GET /api/mobile/batch: several documents in one envelope, each as its own address answers it."""

from typing import Any

import pytest
from httpx import AsyncClient

from api.models.batch import BatchAnswer
from tests.api.addresses import write_all
from tests.api.samples import without_id
from tests.api.store import BUILT_US, Store

pytestmark = pytest.mark.anyio

ADDRESS = "/api/mobile/batch"
ALL = {
    "products/42": "/products/42/complete",
    "customers/7": "/customers/7/complete",
    "customers/7/quick": "/customers/7/quick",
    "customers/7/financial": "/customers/7/financial",
    "customers/7/orders": "/customers/7/orders",
    "orders/9": "/orders/9/complete",
    "orders/9/quick": "/orders/9/quick",
    "salesperson/3/dashboard": "/salesperson/dashboard?salesperson_id=3",
    "orders/789": "/orders/789/complete",
    "salesperson/3/dashboard/month": "/salesperson/dashboard?salesperson_id=3&date_range=month",
    "products/042/complete": "/products/42/complete",
    "products/-1": "/products/-1/complete",
}
"""Each key with the address that answers the same."""


async def get(client: AsyncClient, *keys: str) -> dict[str, Any]:
    response = await client.get(ADDRESS, params={"keys": ",".join(keys)})
    assert response.status_code == 200
    BatchAnswer.model_validate_json(response.content, strict=True)
    answer: dict[str, Any] = response.json()
    return answer


async def test_each_item_is_what_its_own_address_answers(store: Store, client: AsyncClient) -> None:
    """In the order of the keys, a key that comes twice included."""
    write_all(store)
    keys = [*reversed(ALL), *ALL]
    items = (await get(client, *keys))["data"]["items"]
    assert [item["key"] for item in items] == keys
    for item in items:
        alone = await client.get(f"/api/mobile{ALL[item['key']]}")
        assert item == {"key": item["key"], "status": alone.status_code, **alone.json()}


async def test_items_are_the_same_bytes(store: Store, client: AsyncClient) -> None:
    write_all(store)
    alone = (await client.get("/api/mobile/products/42/complete")).text
    together = (await client.get(ADDRESS, params={"keys": "products/42"})).text
    assert f'{{"items":[{{"key":"products/42","status":200,{alone[1:]}],"count":1}}' in together


async def test_metadata_is_of_all_items(store: Store, client: AsyncClient) -> None:
    write_all(store)
    store.redis.hset("bff:order:9:complete", "items@", f"{1:010} {9999:020} {BUILT_US:017} {BUILT_US + 1:017}")
    answer = await get(client, "products/42", "orders/9", "orders/789")
    assert answer["data"]["count"] == 3
    assert answer["metadata"] == {
        "cached": True,
        "data_sources": 12,
        "generated_at": "2025-11-05T18:00:00.000001Z",
    }


async def test_one_reply_of_redis_answers_it(store: Store, client: AsyncClient) -> None:
    """Two addresses of one document are one question; the state of Redis is read before and after."""
    write_all(store)
    await client.get("/api/mobile/ready")
    store.redis.config_resetstat()
    await get(client, "products/42", "customers/7/quick", "customers/7/financial", "customers/7")
    assert store.redis.info("commandstats")["cmdstat_hmget"]["calls"] == 2 + 2


@pytest.mark.parametrize(
    "keys",
    [
        *("", ",", "products/42,", "products", "products/", "products/x", "product/42", "/products/42", "products/42/"),
        *("products/42/quick", "orders/9/financial", "salesperson/3", "salesperson/3/dashboard/year", " products/42"),
        *("products/9223372036854775808", f"products/{'9' * 400}", "products/٤٢", "products/42\x00", "%", "\ufffd"),
        ",".join(["products/42"] * 51),
    ],
)
async def test_what_is_no_key_is_refused(keys: str, store: Store, client: AsyncClient) -> None:
    response = await client.get(ADDRESS, params={"keys": keys})
    assert response.status_code == 422
    errors = response.json()["details"]["errors"]
    assert {error["field"] for error in errors} == {"keys"}
    assert len(response.content) < 12_000


async def test_keys_are_required(client: AsyncClient) -> None:
    response = await client.get(ADDRESS)
    assert (response.status_code, response.json()["error"]) == (422, "keys is required")


async def test_fifty_keys_are_taken(store: Store, client: AsyncClient) -> None:
    write_all(store)
    assert (await get(client, *["products/42"] * 50))["data"]["count"] == 50


@pytest.mark.parametrize("coding", ["gzip", "zstd", "identity"])
async def test_it_is_compressed_and_has_an_etag(coding: str, store: Store, client: AsyncClient) -> None:
    write_all(store)
    params = {"keys": ",".join(["products/42"] * 50)}
    plain = await client.get(ADDRESS, params=params)
    assert len(plain.content) > 50_000
    response = await client.get(ADDRESS, params=params, headers={"accept-encoding": coding})
    assert response.content == plain.content
    assert int(response.headers["content-length"]) < 10_000 or coding == "identity"
    known = {"if-none-match": response.headers["etag"], "accept-encoding": coding}
    again = await client.get(ADDRESS, params=params, headers=known)
    assert (again.status_code, again.content) == (304, b"")


async def test_head_is_get_without_the_body(store: Store, client: AsyncClient) -> None:
    write_all(store)
    get_, head = [await client.request(method, ADDRESS, params={"keys": "products/42"}) for method in ("GET", "HEAD")]
    assert (head.status_code, without_id(head.headers)) == (get_.status_code, without_id(get_.headers))
    assert head.content == b""


async def test_what_is_not_built_is_an_item_and_all_503_where_there_is_nothing_else(
    store: Store, client: AsyncClient
) -> None:
    store.empty()
    store.build("product")
    answer = await get(client, "products/42", "orders/9")
    assert [item["status"] for item in answer["data"]["items"]] == [404, 503]
    response = await client.get(ADDRESS, params={"keys": "orders/9,customers/7"})
    assert (response.status_code, response.json()["details"]["code"]) == (503, "not_built")
    assert int(response.headers["retry-after"]) >= 1
