"""Whatever a client sends is answered sensibly: 422 where it cannot be used, never a 500."""

import itertools
import json
import string
from typing import Any

import pytest
from httpx import AsyncClient
from hypothesis import given
from hypothesis import strategies as st

from api.answers import failure
from api.endpoints import CUSTOMER_ORDERS, DASHBOARD, PRODUCT_COMPLETE
from api.errors import InvalidInput
from api.parameters import INT64, Id, read_values
from tests.api.addresses import write_all
from tests.api.store import Store

FLAGS = {
    "/products/42/complete": ("include_similar", "include_reviews"),
    "/customers/7/complete": ("include_orders", "include_payments"),
    "/orders/9/complete": ("include_items", "include_payment", "include_delivery"),
}

NO_IDS = (
    *("abc", "1.0", "1e3", "+1", "0x10", "1_000", "٤٢", "-", "--1", "null", "9" * 5000),
    *("%20", "%201", "1%00", "%FF", "%", "%zz", "%0A", "1%0A"),
    *("9223372036854775808", "-9223372036854775809"),
)


async def refused(client: AsyncClient, address: str) -> dict[str, Any]:
    """The answer to an address that must be 422, with the checks that hold for all of them."""
    response = await client.get(f"/api/mobile{address}")
    assert response.status_code == 422, address
    answer: dict[str, Any] = response.json()
    assert answer["success"] is False
    assert answer["details"]["code"] == "invalid_input"
    for error in answer["details"]["errors"]:
        assert f"{error['field']} {error['message']}" in answer["error"]
    return answer


@pytest.mark.anyio
async def test_an_error_says_what_was_wrong_with_which_value(client: AsyncClient) -> None:
    assert await refused(client, "/customers/7/orders?limit=500") == {
        "success": False,
        "error": "limit must be between 1 and 100 ('500')",
        "details": {
            "code": "invalid_input",
            "errors": [{"field": "limit", "message": "must be between 1 and 100", "value": "500"}],
        },
    }


@pytest.mark.anyio
async def test_all_faults_of_a_request_are_named_at_once(client: AsyncClient) -> None:
    address = "/products/x/complete?include_similar=maybe&include_reviews=2"
    errors = (await refused(client, address))["details"]["errors"]
    assert [error["field"] for error in errors] == ["id", "include_similar", "include_reviews"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "address",
    [
        "/products/{}/complete",
        "/customers/{}/complete",
        "/customers/{}/quick",
        "/customers/{}/financial",
        "/customers/{}/orders",
        "/orders/{}/complete",
        "/orders/{}/quick",
        "/salesperson/dashboard?salesperson_id={}",
    ],
)
async def test_what_is_no_64_bit_integer_is_no_id(address: str, client: AsyncClient) -> None:
    for value in NO_IDS:
        errors = (await refused(client, address.format(value)))["details"]["errors"]
        assert len(errors) == 1, value
        assert len(errors[0]["value"]) <= 101, value


@pytest.mark.anyio
async def test_leading_zeros_of_an_id_mean_nothing(store: Store, client: AsyncClient) -> None:
    write_all(store)
    address = f"/api/mobile/products/{'0' * 5000}42/complete"
    assert (await client.get(address)).json()["data"]["product"]["id"] == 42


@pytest.mark.anyio
@pytest.mark.parametrize("query", ["", "?salesperson_id=", "?date_range=week", "?Salesperson_id=3"])
async def test_a_dashboard_needs_its_salesperson(query: str, client: AsyncClient) -> None:
    errors = (await refused(client, f"/salesperson/dashboard{query}"))["details"]["errors"]
    missing = None if query != "?salesperson_id=" else ""
    assert [(error["field"], error["value"]) for error in errors] == [("salesperson_id", missing)]


@pytest.mark.anyio
@pytest.mark.parametrize("value", ["year", "", "Today", "today%20", "today,week"])
async def test_a_date_range_is_one_of_three(value: str, client: AsyncClient) -> None:
    answer = await refused(client, f"/salesperson/dashboard?salesperson_id=3&date_range={value}")
    assert "date_range must be one of today, week, month" in answer["error"]


@pytest.mark.anyio
@pytest.mark.parametrize("value", ["0", "-1", "101", "abc", "", "20.0", "1" * 5000])
async def test_a_limit_is_between_1_and_100(value: str, client: AsyncClient) -> None:
    errors = (await refused(client, f"/customers/7/orders?limit={value}"))["details"]["errors"]
    assert [error["field"] for error in errors] == ["limit"]


@pytest.mark.anyio
@pytest.mark.parametrize("path", FLAGS)
async def test_a_flag_is_a_boolean(path: str, client: AsyncClient) -> None:
    values = ("maybe", "", "2", "-1", "truee", "null", "%00", "%D9%84%D8%A7")
    for flag, value in itertools.product(FLAGS[path], values):
        errors = (await refused(client, f"{path}?{flag}={value}"))["details"]["errors"]
        assert [error["field"] for error in errors] == [flag]


@pytest.mark.anyio
@pytest.mark.parametrize("path", FLAGS)
@pytest.mark.parametrize(
    ("words", "on"),
    [
        (("true", "True", "TRUE", "1", "yes", "on", "t", "y"), True),
        (("false", "False", "FALSE", "0", "no", "off", "f", "n"), False),
    ],
)
async def test_a_boolean_is_any_word_that_pydantic_takes_for_one(
    path: str, words: tuple[str, ...], on: bool, store: Store, client: AsyncClient
) -> None:
    write_all(store)
    field = {"include_similar": "similar_products", "include_orders": "recent_orders"}
    flag = FLAGS[path][0]
    for word in words:
        data = (await client.get(f"/api/mobile{path}?{flag}={word}")).json()["data"]
        assert (data[field.get(flag, "items")] is not None) is on


@pytest.mark.anyio
@pytest.mark.parametrize(
    "query",
    [
        "unknown=1",
        "include_similar=false&include_similar=true",
        "include_similar=maybe&include_similar=true",
        "&&&",
        "=",
        "=1",
        "%",
        "%zz=%zz",
        "%FF=%FF",
        "a%00b=%00",
        "x=" + "y" * 50_000,
        "&".join(f"p{n}=1" for n in range(5000)),
        "include_similar[]=1",
        "%D8%A7=%D8%A8",
        ";include_similar=maybe",
    ],
)
async def test_what_is_unknown_repeated_or_odd_is_no_error(query: str, store: Store, client: AsyncClient) -> None:
    """Of a parameter that comes twice the last counts."""
    write_all(store)
    response = await client.get(f"/api/mobile/products/42/complete?{query}")
    assert response.status_code == 200
    assert response.json()["data"]["similar_products"] is not None


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("status", "echo"),
    [
        ("%FF", "\ufffd"),
        ("a%00b", "a\x00b"),
        ("%22%5C", '"\\'),
        ("%ED%A0%80", "\ufffd\ufffd\ufffd"),
        ("a+b%2Bc", "a b+c"),
        ("x" * 10_000, "x" * 10_000),
    ],
)
async def test_any_text_is_a_status(status: str, echo: str, store: Store, client: AsyncClient) -> None:
    write_all(store)
    answer = (await client.get(f"/api/mobile/customers/7/orders?status={status}")).json()
    assert answer["data"]["orders"] == []
    assert answer["metadata"]["filter_status"] == echo


@pytest.mark.anyio
@pytest.mark.parametrize(
    "path", ["/%00", "/%FF", "/api/mobile/products/%2F/complete", "/%C3%28", "//", "/" + "a" * 9000]
)
async def test_any_other_path_is_404(path: str, client: AsyncClient) -> None:
    response = await client.get(path)
    assert response.status_code == 404
    assert response.json()["details"] == {"code": "no_such_path"}
    assert len(response.content) < 1000


@pytest.mark.anyio
@pytest.mark.parametrize("value", ["\x00", "a" * 50_000, '"' * 5000, "\xff\xfe", ",,,,", 'W/"', "W/", "\t"])
async def test_any_header_is_answered(value: str, store: Store, client: AsyncClient) -> None:
    write_all(store)
    raw = value.encode("latin-1")
    names = ("if-none-match", "accept", "accept-encoding", "range", "x-whatever", "cookie")
    headers = [(name.encode(), raw) for name in names]
    response = await client.get("/api/mobile/products/42/complete", headers=headers)
    assert response.status_code == 200


anything = st.text(st.characters(codec="utf-8")) | st.text(alphabet=string.digits + "-", max_size=25)
templates = st.sampled_from([PRODUCT_COMPLETE, CUSTOMER_ORDERS, DASHBOARD])


@given(templates, anything, st.binary(max_size=200) | anything.map(str.encode))
def test_no_request_can_make_reading_it_fail(template: Any, path_id: str, query: bytes) -> None:
    """It is read, or refused with an answer that can be sent."""
    error = None
    try:
        read_values(template.parameters, {"id": path_id}, query)
    except InvalidInput as refusal:
        error = refusal
    assert error is None or json.loads(failure(error).body)["success"] is False


@given(st.integers(*INT64), st.integers(0, 30))
def test_every_64_bit_integer_is_read_as_itself(number: int, zeros: int) -> None:
    text = f"{'-' if number < 0 else ''}{'0' * zeros}{abs(number)}"
    assert read_values([Id("id", "")], {"id": text}, b"") == (number,)


@given(st.integers(min_value=INT64[1] + 1) | st.integers(max_value=INT64[0] - 1))
def test_no_other_integer_is_read(number: int) -> None:
    with pytest.raises(InvalidInput, match="id must"):
        read_values([Id("id", "")], {"id": str(number)}, b"")
