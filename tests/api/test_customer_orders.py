"""A customer's orders: any limit, any status, exact sums."""

import json
from decimal import Decimal
from typing import Any

import pytest
from httpx import AsyncClient
from hypothesis import given
from hypothesis import strategies as st

from api.customer_orders import read_orders, total_value
from tests.api.samples import CUSTOMER_ORDERS
from tests.api.store import Store

ADDRESS = "/api/mobile/customers/7/orders"
KEY = "bff:customer:7:orders"


async def get(client: AsyncClient, query: str = "") -> dict[str, Any]:
    response = await client.get(ADDRESS + query)
    assert response.status_code == 200
    answer: dict[str, Any] = json.loads(response.content, parse_float=Decimal)
    return answer


def ids(answer: dict[str, Any]) -> list[int]:
    return [order["id"] for order in answer["data"]["orders"]]


@pytest.mark.anyio
async def test_orders_are_the_stored_text(store: Store, client: AsyncClient) -> None:
    """Only the spaces between orders may differ from what is stored."""
    store.write(KEY, CUSTOMER_ORDERS)
    body = (await client.get(ADDRESS)).text
    stored = CUSTOMER_ORDERS["orders"].replace("}, {", "},{").replace("},\n {", "},{")
    orders = stored.removeprefix('{"orders" : [').removesuffix("]}")
    assert body.startswith(f'{{"success":true,"data":{{"orders":[{orders}],"count":4,')


@pytest.mark.anyio
async def test_count_and_total_value_are_of_the_orders_returned(store: Store, client: AsyncClient) -> None:
    """Sums are decimal, and an amount of null counts 0."""
    store.write(KEY, CUSTOMER_ORDERS)
    everything, two = await get(client), await get(client, "?limit=2")
    assert (everything["data"]["count"], two["data"]["count"]) == (4, 2)
    assert str(everything["data"]["total_value"]) == "10000000000.29"
    assert str(two["data"]["total_value"]) == "0.30"


@pytest.mark.anyio
async def test_metadata_repeats_the_question(store: Store, client: AsyncClient) -> None:
    store.write(KEY, CUSTOMER_ORDERS)
    filtered, everything = await get(client, "?status=Draft"), await get(client)
    assert filtered["metadata"] == {
        "cached": True,
        "data_sources": 1,
        "generated_at": "2025-11-05T18:00:00.000000Z",
        "customer_id": 7,
        "filter_status": "Draft",
    }
    assert everything["metadata"]["filter_status"] is None


@pytest.mark.anyio
@pytest.mark.parametrize("status", ["delivered", "DELIVERED", "Delivered"])
async def test_the_status_filter_ignores_case(status: str, store: Store, client: AsyncClient) -> None:
    store.write(KEY, CUSTOMER_ORDERS)
    assert ids(await get(client, f"?status={status}")) == [5, 4]
    assert ids(await get(client, f"?status={status}&limit=1")) == [5]


@pytest.mark.anyio
async def test_a_filter_reaches_past_the_newest_orders(store: Store, client: AsyncClient) -> None:
    """The limit counts orders with the status, not orders looked at."""
    store.write(KEY, CUSTOMER_ORDERS)
    assert ids(await get(client, "?status=draft&limit=1")) == [3]


@pytest.mark.anyio
async def test_a_status_that_no_order_has_finds_nothing(store: Store, client: AsyncClient) -> None:
    store.write(KEY, CUSTOMER_ORDERS)
    answer = await get(client, "?status=مؤكد")
    assert answer["data"] == {"orders": [], "count": 0, "total_value": 0}
    assert answer["metadata"]["filter_status"] == "مؤكد"


@pytest.mark.anyio
async def test_an_empty_status_filters_nothing(store: Store, client: AsyncClient) -> None:
    store.write(KEY, CUSTOMER_ORDERS)
    answer = await get(client, "?status=")
    assert len(ids(answer)) == 4
    assert answer["metadata"]["filter_status"] is None


@pytest.mark.anyio
async def test_a_customer_without_orders_has_an_empty_list(store: Store, client: AsyncClient) -> None:
    store.write(KEY, {"orders": '{"orders" : []}'})
    assert (await get(client))["data"] == {"orders": [], "count": 0, "total_value": 0}


@pytest.mark.anyio
async def test_the_default_limit_is_20_and_the_highest_100(store: Store, client: AsyncClient) -> None:
    orders = [{"id": n, "status": "DRAFT", "total_amount": 1} for n in range(200, 0, -1)]
    store.write(KEY, {"orders": json.dumps({"orders": orders})})
    assert ids(await get(client)) == list(range(200, 180, -1))
    assert ids(await get(client, "?limit=100")) == list(range(200, 100, -1))


@pytest.mark.anyio
async def test_a_list_that_could_not_be_built_is_null(store: Store, client: AsyncClient) -> None:
    store.write(KEY, {}, degraded=["orders"])
    answer = await get(client)
    assert answer["data"] == {"orders": None, "count": None, "total_value": None}
    assert answer["metadata"]["degraded"] == ["orders"]
    assert answer["metadata"]["data_sources"] == 0


amounts = st.none() | st.decimals(
    min_value=-(10**15), max_value=10**15, places=2, allow_nan=False, allow_infinity=False
)
texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(st.tuples(amounts, texts), max_size=20), st.sampled_from(["", " ", "\n\t "]))
def test_orders_are_found_in_any_json(orders: list[tuple[Decimal | None, str]], space: str) -> None:
    """Whatever text an order holds and however the list is spaced, each order is cut out whole."""
    written = [
        f'{{"note":{json.dumps(note)},{space}"total_amount":{"null" if amount is None else amount:f}}}'
        if amount is not None
        else f'{{"note":{json.dumps(note)},{space}"total_amount":null}}'
        for amount, note in orders
    ]
    section = f'{{{space}"orders"{space}:{space}[{f"{space},{space}".join(written)}{space}]}}'
    found = list(read_orders(section.encode()))
    assert [order.text for order in found] == written
    assert [order.fields["note"] for order in found] == [note for _, note in orders]
    assert total_value(found) == sum(amount or 0 for amount, _ in orders)


def test_a_sum_keeps_every_digit() -> None:
    """Amounts beyond the digits of a decimal context or a float are added exactly."""
    section = (
        b'{"orders":[{"total_amount":123456789012345678901234567890123456789.01},'
        b'{"total_amount":0.00000000000000000001}]}'
    )
    total = total_value(list(read_orders(section)))
    assert f"{total:f}" == "123456789012345678901234567890123456789.01000000000000000001"
