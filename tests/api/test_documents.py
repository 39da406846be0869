"""Documents, section by section, through every address and flag."""

import json
from decimal import Decimal

import pytest
from httpx import AsyncClient

from tests.api.samples import CUSTOMER, DASHBOARD, ORDER, PRODUCT
from tests.api.store import BUILT_US, Store

pytestmark = pytest.mark.anyio

COMPLETE = {
    "/api/mobile/products/42/complete": ("bff:product:42:complete", PRODUCT),
    "/api/mobile/orders/9/complete": ("bff:order:9:complete", ORDER),
    "/api/mobile/salesperson/dashboard?salesperson_id=3": (
        "bff:dashboard:salesperson:3:today",
        DASHBOARD,
    ),
}


@pytest.mark.parametrize("path", COMPLETE)
async def test_a_document_is_its_sections_byte_for_byte(path: str, store: Store, client: AsyncClient) -> None:
    """Digits, spaces, escapes and the order of keys reach the client as they are stored."""
    key, sections = COMPLETE[path]
    store.write(key, sections)
    body = (await client.get(path)).text
    data = ",".join(f'"{name}":{section}' for name, section in sections.items())
    assert body.startswith(f'{{"success":true,"data":{{{data}}},"metadata":{{"cached":true,')


async def test_the_internal_name_of_a_customer_is_no_section_of_the_document(store: Store, client: AsyncClient) -> None:
    store.write("bff:customer:7:complete", CUSTOMER)
    data = (await client.get("/api/mobile/customers/7/complete")).json()["data"]
    assert list(data) == ["customer", "financial", "recent_orders", "payment_history"]


@pytest.mark.parametrize(
    ("path", "null"),
    [
        ("/products/42/complete", ()),
        ("/products/42/complete?include_similar=false", ("similar_products",)),
        ("/products/42/complete?include_reviews=0", ("reviews",)),
        (
            "/products/42/complete?include_reviews=no&include_similar=off",
            ("reviews", "similar_products"),
        ),
        ("/products/42/complete?include_reviews=true&include_similar=YES", ()),
        ("/customers/7/complete", ()),
        ("/customers/7/complete?include_orders=False", ("recent_orders",)),
        ("/customers/7/complete?include_payments=false", ("payment_history",)),
        ("/customers/7/quick", ("recent_orders", "payment_history")),
        ("/customers/7/quick?include_orders=true", ("recent_orders", "payment_history")),
        ("/orders/9/complete", ()),
        ("/orders/9/complete?include_items=false", ("items",)),
        ("/orders/9/complete?include_payment=false", ("payment",)),
        ("/orders/9/complete?include_delivery=false", ("delivery",)),
        ("/orders/9/quick", ("items", "payment", "delivery")),
    ],
)
async def test_flags_and_quick_make_sections_null_and_nothing_else(
    path: str, null: tuple[str, ...], store: Store, client: AsyncClient
) -> None:
    store.write("bff:product:42:complete", PRODUCT)
    store.write("bff:customer:7:complete", CUSTOMER)
    store.write("bff:order:9:complete", ORDER)
    answer = (await client.get(f"/api/mobile{path}")).json()
    assert tuple(name for name, section in answer["data"].items() if section is None) == null
    assert answer["metadata"]["data_sources"] == len(answer["data"]) - len(null)


async def test_financial_is_a_view_of_the_customer_with_one_source(store: Store, client: AsyncClient) -> None:
    store.write("bff:customer:7:complete", CUSTOMER)
    answer = (await client.get("/api/mobile/customers/7/financial")).json(parse_float=Decimal)
    assert answer["data"] == {
        "customer_id": 7,
        "customer_name": "Rafidain",
        "financial": json.loads(CUSTOMER["financial"], parse_float=Decimal),
    }
    assert answer["metadata"]["data_sources"] == 1


@pytest.mark.parametrize("date_range", ["today", "week", "month"])
async def test_each_date_range_has_its_own_dashboard(date_range: str, store: Store, client: AsyncClient) -> None:
    for name in ("today", "week", "month"):
        period = DASHBOARD["period"].replace("today", name)
        store.write(f"bff:dashboard:salesperson:3:{name}", {**DASHBOARD, "period": period})
    path = f"/api/mobile/salesperson/dashboard?salesperson_id=3&date_range={date_range}"
    answer = (await client.get(path)).json()
    assert answer["data"]["period"]["range"] == date_range
    assert answer["metadata"]["data_sources"] == 9


async def test_generated_at_is_when_the_newest_section_shown_was_built(store: Store, client: AsyncClient) -> None:
    built = {section: BUILT_US + n for n, section in enumerate(CUSTOMER)}
    store.write("bff:customer:7:complete", CUSTOMER, built_us=built)
    complete = (await client.get("/api/mobile/customers/7/complete")).json()
    quick = (await client.get("/api/mobile/customers/7/quick")).json()
    assert complete["metadata"]["generated_at"] == "2025-11-05T18:00:00.000004Z"
    assert quick["metadata"]["generated_at"] == "2025-11-05T18:00:00.000002Z"


async def test_a_whole_second_still_has_microseconds(store: Store, client: AsyncClient) -> None:
    store.write("bff:product:42:complete", PRODUCT, built_us=BUILT_US)
    answer = (await client.get("/api/mobile/products/42/complete")).json()
    assert answer["metadata"] == {
        "cached": True,
        "data_sources": 6,
        "generated_at": "2025-11-05T18:00:00.000000Z",
    }


async def test_a_section_that_is_json_null_is_no_source(store: Store, client: AsyncClient) -> None:
    store.write("bff:order:9:complete", {**ORDER, "customer": "null"})
    answer = (await client.get("/api/mobile/orders/9/complete")).json()
    assert answer["data"]["customer"] is None
    assert answer["metadata"]["data_sources"] == 5
    assert "degraded" not in answer["metadata"]


async def test_a_degraded_section_is_shown_as_it_was_and_named(store: Store, client: AsyncClient) -> None:
    store.write("bff:product:42:complete", PRODUCT, degraded=["reviews"])
    answer = (await client.get("/api/mobile/products/42/complete")).json()
    assert answer["data"]["reviews"]["count"] == 9
    assert answer["metadata"]["degraded"] == ["reviews"]


async def test_a_degraded_section_without_any_bytes_is_null_and_named(store: Store, client: AsyncClient) -> None:
    sections = {name: body for name, body in PRODUCT.items() if name != "reviews"}
    store.write("bff:product:42:complete", sections, degraded=["reviews"])
    answer = (await client.get("/api/mobile/products/42/complete")).json()
    assert answer["data"]["reviews"] is None
    assert answer["metadata"]["degraded"] == ["reviews"]
    assert answer["metadata"]["data_sources"] == 5


async def test_what_is_not_shown_does_not_degrade_an_answer(store: Store, client: AsyncClient) -> None:
    store.write("bff:product:42:complete", PRODUCT, degraded=["reviews"])
    answer = (await client.get("/api/mobile/products/42/complete?include_reviews=false")).json()
    assert "degraded" not in answer["metadata"]


async def test_degraded_names_fields_as_the_answer_does(store: Store, client: AsyncClient) -> None:
    store.write("bff:customer:7:complete", CUSTOMER, degraded=["name"])
    answer = (await client.get("/api/mobile/customers/7/financial")).json()
    assert answer["metadata"]["degraded"] == ["customer_name"]


async def test_a_document_of_which_nothing_could_be_built_is_no_404(store: Store, client: AsyncClient) -> None:
    store.write("bff:customer:7:complete", {}, degraded=["customer", "name", "financial"])
    response = await client.get("/api/mobile/customers/7/financial")
    assert response.status_code == 200
    assert response.json() == {
        "success": True,
        "data": {"customer_id": 7, "customer_name": None, "financial": None},
        "metadata": {
            "cached": True,
            "data_sources": 0,
            "generated_at": None,
            "degraded": ["customer_name", "financial"],
        },
    }
