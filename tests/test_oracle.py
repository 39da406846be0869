"""The oracle says what the contract says, in cases small enough to compute by hand."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from projector.oracle import INFINITY, MINUS_INFINITY, Beyond, RawJson, Rows, answers, differences, parse
from projector.oracle.values import Clock, rounded
from tests.oracle_cases import NOW, TODAY, ZONE, customer, ids, product, read, sale


class TestConventions:
    @pytest.mark.parametrize(
        ("value", "places", "expected"),
        [("0.005", 2, "0.01"), ("-0.005", 2, "-0.01"), ("2.25", 1, "2.3"), ("1.0049", 2, "1.00")],
    )
    def test_rounding_is_half_away_from_zero(self, value: str, places: int, expected: str) -> None:
        assert rounded(Fraction(value), places) == Decimal(expected)

    def test_today_is_the_day_of_the_business_zone(self) -> None:
        zone = ZoneInfo(ZONE)
        assert Clock(datetime(2025, 11, 5, 20, 59, tzinfo=UTC), zone).today == TODAY
        assert Clock(datetime(2025, 11, 5, 21, 0, tzinfo=UTC), zone).today == date(2025, 11, 6)

    def test_a_day_without_a_midnight_begins_where_the_gap_ends(self) -> None:
        cairo = Clock(NOW, ZoneInfo("Africa/Cairo"))
        assert cairo.midnight(date(2024, 4, 26)) == datetime(2024, 4, 25, 22, tzinfo=UTC)

    def test_a_day_with_two_midnights_begins_at_the_first(self) -> None:
        havana = Clock(NOW, ZoneInfo("America/Havana"))
        assert havana.midnight(date(2025, 11, 2)) == datetime(2025, 11, 2, 4, tzinfo=UTC)

    def test_nan_and_infinities_are_shown_as_null_and_count_nothing(self) -> None:
        stock = [
            {"id": 1, "product_id": 1, "quantity_on_hand": Decimal("NaN")},
            {"id": 2, "product_id": 1, "quantity_on_hand": Decimal("Infinity")},
            {"id": 3, "product_id": 1, "quantity_on_hand": Decimal("2.500")},
        ]
        found = product({"weight": Decimal("-Infinity")}, inventory_items=stock)
        assert found["product"]["weight"] is None
        assert found["inventory"]["total_quantity"] == Decimal("2.500")
        assert [it["quantity"] for it in found["inventory"]["by_branch"]] == [None, None, Decimal("2.5")]

    def test_a_column_without_time_zone_holds_utc(self) -> None:
        noon = datetime(2025, 1, 1, 12)  # noqa: DTZ001
        review = {"id": 1, "product_id": 1, "created_at": noon, "status": "approved", "is_visible": True}
        [item] = product(reviews=[review])["reviews"]["items"]
        assert item["created_at"] == datetime(2025, 1, 1, 12, tzinfo=UTC)

    def test_infinite_instants_are_null_but_keep_their_place(self) -> None:
        orders = [
            {"id": 1, "customer_id": 1, "created_at": None},
            {"id": 2, "customer_id": 1, "created_at": MINUS_INFINITY},
            {"id": 3, "customer_id": 1, "created_at": NOW},
            {"id": 4, "customer_id": 1, "created_at": INFINITY},
        ]
        items = customer(sales_orders=orders)["recent_orders"]["items"]
        assert ids(items) == [4, 3, 2, 1]
        assert [item["date"] for item in items] == [None, NOW, None, None]

    def test_what_does_not_exist_has_no_document(self) -> None:
        for key in ("product:9:complete", "customer:9:complete", "customer:9:orders"):
            assert read(f"bff:{key}") is None
        assert read("bff:order:9:complete") is None
        assert read("bff:dashboard:salesperson:9:week") is None


class TestAnswers:
    def test_flags_hide_sections(self) -> None:
        rows = Rows({"products": [{"id": 1}], "customers": [{"id": 2, "name": "Zaid"}]})
        sample = ["bff:product:1:complete", "bff:customer:2:complete", "bff:order:3:complete"]
        found = dict(answers(rows, sample, now=NOW, timezone=ZONE))
        hidden = found["/api/mobile/products/1/complete?include_similar=false&include_reviews=true"]
        assert hidden is not None
        assert hidden["similar_products"] is None
        assert hidden["reviews"] is not None
        quick = found["/api/mobile/customers/2/quick"]
        assert quick is not None
        assert (quick["recent_orders"], quick["payment_history"]) == (None, None)
        financial = found["/api/mobile/customers/2/financial"]
        assert financial is not None
        assert (financial["customer_id"], financial["customer_name"]) == (2, "Zaid")
        assert found["/api/mobile/orders/3/quick"] is None

    def test_orders_and_dashboards_are_read_with_parameters(self) -> None:
        orders = [sale(1, status="ملغى"), sale(2, status="DRAFT")]
        rows = Rows({"customers": [{"id": 1}], "users": [{"id": 1}], "sales_orders": orders})
        sample = ["bff:customer:1:orders", "bff:dashboard:salesperson:1:week"]
        found = dict(answers(rows, sample, now=NOW, timezone=ZONE))
        paths = {path: data and data.get("count") for path, data in found.items()}
        assert paths["/api/mobile/customers/1/orders?limit=1"] == 1
        assert paths["/api/mobile/customers/1/orders?status=draft"] == 1
        assert paths["/api/mobile/customers/1/orders?status=%D9%85%D9%84%D8%BA%D9%89"] == 1
        assert "/api/mobile/salesperson/dashboard?salesperson_id=1&date_range=week" in found


class TestDifferences:
    @pytest.mark.parametrize(
        ("expected", "actual"),
        [
            (Decimal("12.50"), "12.5"),
            (5, "5.0"),
            (None, "null"),
            (True, "true"),
            ("\0é", r'"\u0000é"'),
            (NOW, '"2025-11-05T18:00:00Z"'),
            (NOW, '"2025-11-05T18:00:00.000000+00:00"'),
            (TODAY, '"2025-11-05"'),
            (RawJson(' {"b":1.50, "a": [2e3]}'), '{"b": 1.50, "a":[2e3]}'),
            (RawJson("null"), "null"),
            (RawJson(r'"\u0000"'), r'"\u0000"'),
            (RawJson("1e99999999999999999999"), "1e99999999999999999999"),
            (Beyond(10**7), '"29379-01-01"'),
            (Beyond(10**7), "null"),
            ({"a": [1, {"b": None}]}, '{"a": [1, {"b": null}]}'),
        ],
    )
    def test_equal_values_do_not_differ(self, expected: Any, actual: str) -> None:
        assert differences(expected, actual.encode()) == []

    @pytest.mark.parametrize(
        ("expected", "actual"),
        [
            (Decimal("12.50"), "12.51"),
            (Decimal("0.1"), "0.1000000000000000055"),
            (1, "true"),
            (True, "1"),
            (False, "null"),
            (None, "0"),
            (0, "null"),
            (5, '"5"'),
            ("5", "5"),
            ("a", '"b"'),
            (NOW, '"2025-11-05T18:00:01Z"'),
            (NOW, '"2025-11-05T18:00:00"'),
            (NOW, '"2025-11-05T21:00:00+03:00"'),
            (NOW, '"2025-11-05 18:00:00Z"'),
            (NOW, "null"),
            (TODAY, '"2025-11-05T00:00:00Z"'),
            (TODAY, '"20251105"'),
            (RawJson('{"b":1,"a":2}'), '{"a":2,"b":1}'),
            (RawJson("1.50"), "1.5"),
            (RawJson("1e3"), "1000"),
            (RawJson('{"a":1,"a":2}'), '{"a":2}'),
            (RawJson("1"), "true"),
            (RawJson('"1"'), "1"),
            (RawJson("null"), '"null"'),
            (Beyond(10**7), "5"),
            ([], "{}"),
            ({}, "[]"),
            ([1, 2], "[2, 1]"),
            ({"a": 1}, '{"a": 1, "a": 1}'),
        ],
    )
    def test_other_values_differ(self, expected: Any, actual: str) -> None:
        assert differences(expected, actual.encode())

    def test_says_where_and_what(self) -> None:
        expected = {"pricing": [{"final_price": Decimal("12.50"), "price": 1}], "images": [], "sku": "a"}
        actual = b'{"pricing": [{"final_price": 12.05, "name": "x"}], "images": [1, 2], "sku": "a"}'
        assert differences(expected, actual) == [
            "pricing[0].final_price: expected 12.50, got 12.05",
            "pricing[0].price: missing, expected 1",
            "pricing[0].name: not expected, got 'x'",
            "images: expected 0 items, got 2",
        ]

    def test_digits_of_the_database_are_compared_on_request(self) -> None:
        assert differences([Decimal("12.50"), Decimal(0)], b"[12.5, 0.00]", digits=True) == [
            "[0]: expected 12.50, got 12.5"
        ]

    def test_takes_what_a_parser_returns(self) -> None:
        expected = {"price": Decimal("12.50"), "dimensions": RawJson('{"b":1.50,"a":[1]}')}
        body = b'{"price": 12.50, "dimensions": {"b": 1.50, "a": [1]}}'
        plain = json.loads(body, parse_float=Decimal)
        assert differences(expected, plain) == []
        assert differences(expected, parse(body)) == []
        plain["dimensions"]["b"] = Decimal("1.5")
        assert differences(expected, plain) == [
            "dimensions: expected {\"b\":1.50,\"a\":[1]}, got {'b': Decimal('1.5'), 'a': [1]}"
        ]

    def test_nan_is_not_json(self) -> None:
        with pytest.raises(ValueError, match="NaN is not JSON"):
            differences(None, b"NaN")
