"""GET /api/mobile/home: a shop's lists and a customer's part in one answer."""

import json
from decimal import Decimal

import pytest
from httpx import AsyncClient

from api.app import create_app
from projector.settings import Settings
from tests.api.addresses import write_all
from tests.api.conftest import near_cache_on, started
from tests.api.samples import SHOP, SHOPPER
from tests.api.store import BUILT_US, Store

pytestmark = pytest.mark.anyio

HOME = "/api/mobile/home"
BOTH = f"{HOME}?branch_id=2&customer_id=7"
LISTS = ("featured_products", "best_sellers", "new_arrivals", "promotions")


async def test_lists_go_out_as_they_are_stored_and_the_cart_with_the_currency(
    store: Store, client: AsyncClient
) -> None:
    write_all(store)
    body = (await client.get(BOTH)).text
    lists = ",".join(f'"{name}":{SHOP[name]}' for name in LISTS)
    assert body.startswith(f'{{"success":true,"data":{{{lists},"customer":{SHOPPER["customer"]},"cart":')
    assert json.loads(body, parse_float=Decimal)["data"]["cart"] == {
        "items_count": 2,
        "total": Decimal("30.10"),
        "currency": "IQD",
    }


async def test_metadata_is_of_both_parts_and_says_how_often_lists_are_made(store: Store, client: AsyncClient) -> None:
    write_all(store)
    store.write("bff:customer:7:shopper", SHOPPER, built_us=BUILT_US + 3)
    assert (await client.get(BOTH)).json()["metadata"] == {
        "cached": True,
        "data_sources": 6,
        "generated_at": "2025-11-05T18:00:00.000003Z",
        "refresh_seconds": 1.0,
    }


async def test_without_a_customer_nobody_is_greeted_and_the_cart_is_empty(store: Store, client: AsyncClient) -> None:
    write_all(store)
    answer = (await client.get(f"{HOME}?branch_id=2")).json()
    assert answer["data"]["customer"] is None
    assert answer["data"]["cart"] == {"items_count": 0, "total": 0, "currency": "IQD"}
    assert answer["metadata"]["data_sources"] == 5


async def test_without_a_branch_it_is_the_shop_of_all_branches(store: Store, client: AsyncClient) -> None:
    store.write("bff:shop:0:complete", {**SHOP, "best_sellers": SHOP["new_arrivals"]})
    assert [it["id"] for it in (await client.get(HOME)).json()["data"]["best_sellers"]] == [43]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("branch_id=5", "Branch 5 not found"),
        ("branch_id=0", "Branch 0 not found"),
        ("branch_id=2&customer_id=8", "Customer 8 not found"),
    ],
)
async def test_who_does_not_exist_is_404(query: str, error: str, store: Store, client: AsyncClient) -> None:
    write_all(store)
    store.write("bff:shop:0:complete", SHOP)
    response = await client.get(f"{HOME}?{query}")
    assert (response.status_code, response.json()["error"]) == (404, error)


@pytest.mark.parametrize("query", ["branch_id=x", "customer_id=", "branch_id=2&customer_id=1e3"])
async def test_what_is_no_id_is_422(query: str, client: AsyncClient) -> None:
    assert (await client.get(f"{HOME}?{query}")).status_code == 422


async def test_a_part_that_was_never_built_is_503(store: Store, client: AsyncClient) -> None:
    store.empty()
    store.build("shopper")
    response = await client.get(BOTH)
    assert (response.status_code, response.json()["details"]) == (503, {"code": "not_built", "document": "shop"})


async def test_what_could_not_be_built_is_null_and_named(store: Store, client: AsyncClient) -> None:
    write_all(store)
    store.write("bff:customer:7:shopper", {"customer": SHOPPER["customer"]}, degraded=["cart_summary"])
    store.write("bff:shop:2:complete", SHOP, degraded=["best_sellers"])
    answer = (await client.get(BOTH)).json()
    assert answer["data"]["cart"] is None
    assert answer["metadata"]["degraded"] == ["best_sellers", "cart"]


async def test_the_near_cache_follows_each_part(store: Store) -> None:
    """An answer changes with either document, and is the same bytes while neither does."""
    write_all(store)
    app = create_app(Settings(redis_url=store.url, near_cache_mb=8))
    async with started(app) as client:
        await near_cache_on(app)
        for address in (BOTH, f"{HOME}?branch_id=2"):
            first = await client.get(address)
            again = await client.get(address, headers={"if-none-match": first.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
        for key, sections, shown in (
            ("bff:shop:2:complete", {**SHOP, "currency": '"USD"'}, '"currency":"USD"'),
            ("bff:customer:7:shopper", {**SHOPPER, "cart_summary": '{"items_count":9,"total":1}'}, '"items_count":9'),
        ):
            store.write(key, sections)
            while shown not in (await client.get(BOTH)).text:
                pass
        assert '"USD"' in (await client.get(f"{HOME}?branch_id=2")).text
