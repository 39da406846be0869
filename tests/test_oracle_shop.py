"""The shoppers' documents, rule by rule."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from projector.oracle import RawJson, Rows
from projector.oracle.checkout import checkout_document
from projector.oracle.shop import home_document
from projector.oracle.values import Clock
from tests.oracle_cases import NOW, YESTERDAY, ZONE, ids, read, sale

CLOCK = Clock(NOW, ZoneInfo(ZONE))
WAREHOUSES = [{"id": 1, "branch_id": 1}, {"id": 2, "branch_id": 2}]
BRANCHES = [{"id": 1, "name": "Karrada"}, {"id": 2, "name": "Mansour"}]


def detail(row: dict[str, Any], **tables: Any) -> Any:
    return read("bff:product:1:detail", products=[{"id": 1, "is_active": True} | row], **tables)


def home(branch: int | None = None, customer: int | None = None, **tables: Any) -> Any:
    return home_document(Rows({"branches": BRANCHES, "warehouses": WAREHOUSES} | tables), CLOCK, branch, customer)


def offered(row_id: int, warehouse: int = 1, quantity: int = 5, **columns: Any) -> tuple[Any, Any]:
    stock = {"id": row_id, "product_id": row_id, "warehouse_id": warehouse, "quantity_on_hand": Decimal(quantity)}
    return {"id": row_id, "is_active": True} | columns, stock


class TestDetail:
    @pytest.mark.parametrize(
        ("unit", "price", "shown"),
        [
            ("15", "12.50", ("12.50", "15", "16.67")),
            ("12.50", "12.50", ("12.50", None, None)),
            ("10", "12.50", ("12.50", None, None)),
            (None, "12.50", ("12.50", None, None)),
            ("0", "-1", ("-1", "0", None)),
        ],
    )
    def test_a_price_below_the_unit_price_is_a_discount(self, unit: str | None, price: str, shown: Any) -> None:
        lists = [{"id": 1, "is_active": True, "price_list_type": "retail"}]
        prices = [{"id": 1, "product_id": 1, "pricing_list_id": 1, "price": Decimal(price)}]
        found = detail({"unit_price": unit and Decimal(unit)}, pricing_lists=lists, product_prices=prices)
        wanted = [value if value is None else Decimal(value) for value in shown]
        assert [found[name] for name in ("price", "original_price", "discount")] == wanted

    def test_without_a_valid_list_it_costs_the_unit_price(self) -> None:
        lists = [{"id": 1, "is_active": True, "valid_to": YESTERDAY}, {"id": 2, "is_active": None}]
        prices = [{"id": it, "product_id": 1, "pricing_list_id": it, "price": Decimal(1)} for it in (1, 2)]
        found = detail({"unit_price": Decimal("9.99")}, pricing_lists=lists, product_prices=prices)
        assert (found["price"], found["discount"]) == (Decimal("9.99"), None)

    def test_stock_is_summed_by_branch(self) -> None:
        stock = [
            {"id": 1, "product_id": 1, "warehouse_id": 2, "quantity_on_hand": Decimal(3)},
            {"id": 2, "product_id": 1, "warehouse_id": 1, "quantity_reserved": Decimal(9)},
            {"id": 3, "product_id": 1, "warehouse_id": 2, "quantity_on_hand": Decimal(4)},
            {"id": 4, "product_id": 1, "quantity_on_hand": Decimal(1)},
        ]
        found = detail({}, inventory_items=stock, warehouses=WAREHOUSES, branches=BRANCHES)
        entries = [(it["branch_id"], it["branch_name"], it["available"]) for it in found["by_branch"]]
        assert entries == [(1, "Karrada", -9), (2, "Mansour", 7), (None, None, 1)]
        assert (found["stock_quantity"], found["in_stock"]) == (-1, False)

    def test_specifications_are_those_that_are_known(self) -> None:
        row = {"brand": "", "weight": Decimal("NaN"), "dimensions": RawJson(" null"), "unit_of_measure": "kg"}
        assert detail(row)["specifications"] == {"brand": "", "unit": "kg"}

    def test_an_inactive_product_has_none(self) -> None:
        assert detail({"is_active": None}) is None


class TestHome:
    def test_shows_active_products_that_can_be_had_there(self) -> None:
        pairs = [offered(1), offered(2, warehouse=2), offered(3, quantity=0), offered(4, is_active=None)]
        tables = {"products": [it for it, _ in pairs], "inventory_items": [it for _, it in pairs]}
        assert [ids(home(branch, **tables)["new_arrivals"]) for branch in (None, 1, 2)] == [[2, 1], [1], [2]]

    def test_best_sellers_are_ranked_by_quantity_of_thirty_days(self) -> None:
        pairs = [offered(number) for number in (1, 2, 3, 4)]
        orders = [sale(1), sale(2, status="cancelled"), sale(3, created_at=NOW - timedelta(days=31)), sale(4)]
        sold = [(1, 2, 3), (2, 1, 90), (3, 1, 90), (4, 3, 7), (4, 2, 4)]
        lines = [
            {"id": number, "sales_order_id": order, "product_id": product, "quantity": Decimal(quantity)}
            for number, (order, product, quantity) in enumerate(sold)
        ]
        tables = {"products": [it for it, _ in pairs], "inventory_items": [it for _, it in pairs]}
        found = home(sales_orders=orders, sales_items=lines, **tables)
        assert ids(found["best_sellers"]) == [2, 3]

    def test_promotions_are_of_now_of_the_branch_and_by_priority(self) -> None:
        common = {"is_active": True, "applies_to_home": True}
        rows = [
            common | {"id": 1, "priority": None},
            common | {"id": 2, "priority": 2, "end_date": NOW},
            common | {"id": 3, "priority": 2, "start_date": NOW, "branch_id": 2},
            common | {"id": 4, "priority": 1, "start_date": NOW + timedelta(seconds=1)},
            common | {"id": 5, "priority": 1, "applies_to_home": None},
        ]
        shown = [ids(home(branch, promotions=rows)["promotions"]) for branch in (None, 1, 2)]
        assert shown == [[1], [1], [3, 1]]

    def test_who_does_not_exist_has_no_page(self) -> None:
        assert home(3) is None
        assert home(1, 5) is None


class TestCheckout:
    def test_the_newest_active_cart_is_paid_for(self) -> None:
        carts = [
            {"id": 1, "customer_id": 1, "is_active": True, "status": "Active", "created_at": NOW},
            {"id": 2, "customer_id": 1, "is_active": True, "status": "ordered", "created_at": NOW},
            {"id": 3, "customer_id": 1, "is_active": True, "created_at": NOW - timedelta(days=1)},
        ]
        items = [{"id": it, "cart_id": it, "subtotal": it + 0.1} for it in (1, 2, 3)]
        rows = Rows({"customers": [{"id": 1}], "carts": carts, "cart_items": items})
        found = checkout_document(rows, CLOCK, None, 1)
        assert found is not None
        assert (ids(found["cart"]["items"]), found["cart"]["subtotal"]) == ([1], Decimal("1.1"))

    def test_addresses_are_active_and_the_default_comes_first(self) -> None:
        common = {"customer_id": 1, "is_active": True}
        addresses = [
            common | {"id": 1},
            common | {"id": 2, "is_default_shipping": True},
            common | {"id": 3, "is_deleted": True},
            common | {"id": 4, "is_active": None},
        ]
        rows = Rows({"customers": [{"id": 1}], "customer_addresses": addresses})
        found = checkout_document(rows, CLOCK, None, 1)
        assert found is not None
        assert ids(found["addresses"]) == [2, 1]
