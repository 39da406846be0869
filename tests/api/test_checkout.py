"""GET /api/mobile/checkout: exact totals, the best promotion, and what the settings file offers."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient

from api.app import create_app
from api.checkout import total_of
from projector.checkout import Checkout
from projector.errors import SettingsError
from projector.settings import Settings
from tests.api.addresses import write_all
from tests.api.conftest import started
from tests.api.samples import SHOPPER
from tests.api.store import Store

ADDRESS = "/api/mobile/checkout?customer_id=7&branch_id=2"
FILE = """
payment_methods = [{id = "cash", name = "Cash"}]
delivery_options = [{id = "van", name = "Van", fee = 2500.50}, {id = "pickup", name = "Pick up", fee = 0}]
minimum_purchases = {3 = 100}
"""


async def get(client: AsyncClient, address: str = ADDRESS) -> Any:
    response = await client.get(address)
    assert response.status_code == 200, response.text
    return json.loads(response.content, parse_float=Decimal)["data"]


@pytest.mark.anyio
async def test_totals_are_exact_and_lines_know_their_products(store: Store, client: AsyncClient) -> None:
    write_all(store)
    data = await get(client)
    totals = {"subtotal": Decimal("30.10"), "discount": Decimal("3.01"), "delivery_fee": 0, "total": Decimal("27.09")}
    assert data["cart"] == {
        "items": [
            {
                "id": 1,
                "product_id": 42,
                "product_name": "Coffee",
                "product_image": "https://cdn/1.jpg",
                "quantity": 2,
                "price": Decimal("12.50"),
                "subtotal": Decimal("25.00"),
                "in_stock": False,
            },
            {
                "id": 2,
                "product_id": None,
                "product_name": None,
                "product_image": None,
                "quantity": None,
                "price": Decimal("5.10"),
                "subtotal": Decimal("5.10"),
                "in_stock": False,
            },
        ],
        **totals,
        "currency": "IQD",
    }
    promotion = {"id": 3, "title": "عرض", "promo_code": None}
    assert data["summary"] == {
        "items_count": 2,
        **totals,
        "currency": "IQD",
        "promotion": promotion,
        "all_in_stock": False,
    }
    assert data["credit"] == {"limit": Decimal("1000.00"), "available": 0}


@pytest.mark.anyio
async def test_the_settings_file_says_what_is_offered(store: Store, tmp_path: Path) -> None:
    """Its first delivery option is in the total, and a promotion waits for its least purchase."""
    write_all(store)
    path = tmp_path / "checkout.toml"
    path.write_text(FILE)
    async with started(create_app(Settings(redis_url=store.url, near_cache_mb=0, checkout_file=path))) as client:
        data = await get(client)
    assert data["payment_methods"] == [{"id": "cash", "name": "Cash", "name_ar": None}]
    assert [option["fee"] for option in data["delivery_options"]] == [Decimal("2500.50"), 0]
    assert (data["cart"]["discount"], data["cart"]["total"]) == (0, Decimal("2530.60"))
    assert data["summary"]["promotion"] is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (None, "No such file or directory"),
        ("x = ", "Invalid value"),
        ("payment_methods = []", "delivery_options: Field required"),
        (FILE.replace("2500.50", "-1"), "delivery_options.0.fee: Input should be greater than or equal to 0"),
        (FILE + "fees = 3", "fees: Extra inputs are not permitted"),
    ],
)
def test_a_settings_file_that_cannot_be_used_is_refused_in_one_line(
    text: str | None, fault: str, tmp_path: Path
) -> None:
    path = tmp_path / "checkout.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SettingsError) as refused:
        Checkout.load(path)
    assert str(refused.value).startswith(f"PROJECTOR_CHECKOUT_FILE ({path}) cannot be used: {fault}")
    assert "\n" not in str(refused.value)


def promotion(row_id: int, kind: str | None, value: object, code: str | None = None) -> dict[str, Any]:
    return {"id": row_id, "discount_type": kind, "discount_value": value, "promo_code": code, "title": None}


@pytest.mark.parametrize(
    ("promotions", "subtotal", "discount", "chosen"),
    [
        ([], "100", "0", None),
        ([promotion(1, "percentage", Decimal("25.5"))], "33.33", "8.50", 1),
        ([promotion(1, "percentage", 10), promotion(2, "FIXED_AMOUNT", Decimal("10.01"))], "100", "10.01", 2),
        ([promotion(2, "fixed_amount", 10), promotion(1, "Percentage", 10)], "100", "10", 2),
        ([promotion(1, "fixed_amount", 5000)], "30.125", "30.125", 1),
        ([promotion(1, "percentage", 250)], "30", "30", 1),
        ([promotion(1, "buy_x_get_y", 2), promotion(2, None, 5), promotion(4, "percentage", None)], "30", "0", None),
        ([promotion(1, "fixed_amount", -5)], "30", "0", None),
        ([promotion(1, "fixed_amount", 5)], "-30", "0", None),
        ([promotion(1, "fixed_amount", 5, "OTHER"), promotion(2, "fixed_amount", 3, "EID")], "30", "3", 2),
        ([promotion(3, "fixed_amount", 9), promotion(4, "fixed_amount", 1)], "99.99", "1", 4),
        ([promotion(3, "fixed_amount", 9), promotion(4, "fixed_amount", 1)], "100", "9", 3),
    ],
)
def test_the_best_single_promotion_that_applies_gives_the_discount(
    promotions: list[dict[str, Any]], subtotal: str, discount: str, chosen: int | None
) -> None:
    """Never more than the subtotal; with a code only where the cart has it; promotion 3 from 100 on."""
    settings = Checkout(payment_methods=(), delivery_options=(), minimum_purchases={3: Decimal(100)})
    cart = {"items": [{}], "subtotal": Decimal(subtotal), "promo_code": "eid"}
    totals = total_of(cart, promotions, settings)
    assert (totals.discount, totals.promotion and totals.promotion["id"]) == (Decimal(discount), chosen)


@pytest.mark.anyio
async def test_a_product_that_is_not_there_leaves_its_line(store: Store, client: AsyncClient) -> None:
    write_all(store)
    store.bury("bff:product:42:complete")
    line = (await get(client))["cart"]["items"][0]
    assert (line["product_id"], line["product_name"], line["in_stock"]) == (42, None, False)


@pytest.mark.anyio
async def test_what_could_not_be_built_is_null_and_named(store: Store, client: AsyncClient) -> None:
    write_all(store)
    without = {name: body for name, body in SHOPPER.items() if name != "cart"}
    store.write("bff:customer:7:shopper", without, degraded=["cart"])
    answer = (await client.get(ADDRESS)).json()
    assert (answer["data"]["cart"], answer["data"]["summary"]) == (None, None)
    assert answer["metadata"]["degraded"] == ["cart"]
    assert answer["metadata"]["data_sources"] == 3


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("query", "status"),
    [("", 422), ("customer_id=x", 422), ("customer_id=8", 404), ("customer_id=7&branch_id=5", 404)],
)
async def test_who_does_not_exist_is_404_and_who_is_not_named_422(
    query: str, status: int, store: Store, client: AsyncClient
) -> None:
    write_all(store)
    assert (await client.get(f"/api/mobile/checkout?{query}")).status_code == status
