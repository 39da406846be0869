"""The contract's product document, rule by rule."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from projector.oracle import INFINITY, MINUS_INFINITY, RawJson
from tests.oracle_cases import NOW, TODAY, YESTERDAY, ids, product


class TestProduct:
    def test_shows_its_own_columns(self) -> None:
        row = {"name": "Tea", "category_id": 7, "unit_of_measure": "kg", "weight": Decimal("1.250")}
        row |= {"dimensions": RawJson('{"b":1.0}'), "is_active": None, "created_at": NOW}
        assert product(row, categories=[{"id": 7, "name": "Drinks"}])["product"] == {
            "id": 1,
            "name": "Tea",
            "name_ar": None,
            "sku": None,
            "barcode": None,
            "description": None,
            "category": "Drinks",
            "category_id": 7,
            "brand": None,
            "unit": "kg",
            "weight": Decimal("1.250"),
            "dimensions": RawJson('{"b":1.0}'),
            "is_active": None,
            "created_at": NOW,
        }

    def test_without_anything_is_empty(self) -> None:
        found = product()
        assert found["inventory"] == {
            "total_quantity": 0,
            "available_quantity": 0,
            "is_available": False,
            "by_branch": [],
        }
        assert (found["pricing"], found["images"], found["similar_products"]) == ([], [], [])
        assert found["reviews"] == {"items": [], "count": 0, "average_rating": None}

    def test_inventory_is_ordered_by_branch_and_warehouse_with_unknown_ones_last(self) -> None:
        warehouses = [
            {"id": 1, "branch_id": 9},
            {"id": 2, "branch_id": 8, "name": "North"},
            {"id": 3, "branch_id": None},
        ]
        stock = [
            {"id": 11, "product_id": 1, "warehouse_id": None},
            {"id": 12, "product_id": 1, "warehouse_id": 3, "updated_at": None, "created_at": NOW},
            {"id": 13, "product_id": 1, "warehouse_id": 1},
            {"id": 15, "product_id": 1, "warehouse_id": 2, "quantity_reserved": Decimal("3.500")},
            {"id": 14, "product_id": 1, "warehouse_id": 2, "quantity_on_hand": Decimal(2)},
        ]
        branches = [{"id": 8, "name": "A"}, {"id": 9, "name": "B"}]
        found = product(warehouses=warehouses, branches=branches, inventory_items=stock)["inventory"]
        entries = found["by_branch"]
        assert [it["warehouse_id"] for it in entries] == [2, 2, 1, 3, None]
        assert entries[0]["quantity"] == 2
        assert entries[0]["branch_name"] == "A"
        assert entries[0]["warehouse_name"] == "North"
        assert (entries[1]["quantity"], entries[1]["available_quantity"]) == (None, Decimal("-3.5"))
        assert entries[3]["last_updated"] == NOW
        assert (found["available_quantity"], found["is_available"]) == (Decimal("-1.5"), False)

    def test_pricing_takes_active_lists_valid_today(self) -> None:
        lists = [
            {"id": 1, "is_active": True, "valid_from": TODAY, "valid_to": TODAY},
            {"id": 2, "is_active": True, "valid_from": None, "valid_to": YESTERDAY},
            {"id": 3, "is_active": True, "valid_from": TODAY + timedelta(days=1)},
            {"id": 4, "is_active": None},
            {"id": 5, "is_active": True, "valid_from": MINUS_INFINITY, "valid_to": INFINITY},
            {"id": 6, "is_active": True, "valid_from": INFINITY},
            {"id": 7, "is_active": True, "valid_to": MINUS_INFINITY},
        ]
        lists_of_prices = (7, 6, 5, 4, 3, 2, 1, None)
        prices = [{"id": n, "product_id": 1, "pricing_list_id": it} for n, it in enumerate(lists_of_prices, 1)]
        found = product(pricing_lists=lists, product_prices=prices)["pricing"]
        assert [it["pricelist_id"] for it in found] == [1, 5]

    @pytest.mark.parametrize(
        ("types", "default"),
        [
            (["wholesale", "retail", "retail"], 2),
            (["wholesale", "Retail", "RETAIL"], 1),
            ([None, "wholesale", "retail "], 1),
        ],
    )
    def test_default_list_is_the_first_retail_one_else_the_first(self, types: list[str | None], default: int) -> None:
        lists = [{"id": n, "is_active": True, "price_list_type": it} for n, it in enumerate(types, 1)]
        prices = [{"id": n, "product_id": 1, "pricing_list_id": n} for n in (1, 2, 3)]
        prices.append({"id": 4, "product_id": 1, "pricing_list_id": default})
        found = product(pricing_lists=lists, product_prices=prices)["pricing"]
        assert [it["pricelist_id"] for it in found if it["is_default"]] == [default, default]

    @pytest.mark.parametrize(
        ("price", "discount", "final"),
        [
            ("10.05", "50", "5.03"),
            ("-10.05", "50", "-5.03"),
            ("10", None, "10"),
            (None, "50", "0"),
            ("NaN", "5", "0"),
            ("10", "NaN", "10"),
            ("10", "150", "-5"),
        ],
    )
    def test_final_price_is_rounded_half_away_from_zero(
        self, price: str | None, discount: str | None, final: str
    ) -> None:
        row: dict[str, Any] = {"id": 1, "product_id": 1, "pricing_list_id": 1}
        row |= {"price": price and Decimal(price), "discount_percentage": discount and Decimal(discount)}
        lists = [{"id": 1, "is_active": True, "discount_percentage": Decimal(99)}]
        [found] = product(pricing_lists=lists, product_prices=[row])["pricing"]
        assert found["final_price"] == Decimal(final)

    def test_prices_are_ordered_by_list_and_quantity_in_the_lowest_base_currency(self) -> None:
        prices = [
            {"id": 1, "product_id": 1, "pricing_list_id": 2, "minimum_quantity": 1},
            {"id": 2, "product_id": 1, "pricing_list_id": 1, "minimum_quantity": None},
            {"id": 3, "product_id": 1, "pricing_list_id": 1, "minimum_quantity": 10},
            {"id": 4, "product_id": 1, "pricing_list_id": 1, "minimum_quantity": -5},
        ]
        currencies = [
            {"id": 3, "code": "USD", "is_base_currency": True},
            {"id": 2, "code": "IQD", "is_base_currency": True, "is_active": False},
            {"id": 1, "code": "EUR", "is_base_currency": None},
        ]
        lists = [{"id": 1, "is_active": True}, {"id": 2, "is_active": True}]
        found = product(pricing_lists=lists, product_prices=prices, currencies=currencies)["pricing"]
        assert [it["minimum_quantity"] for it in found] == [-5, 10, None, 1]
        assert {it["currency"] for it in found} == {"IQD"}

    @pytest.mark.parametrize(
        ("cdn", "url", "images", "expected"),
        [
            ("c", "u", '["a", "c", "a", "u"]', ["c", "a", "u"]),
            ("", "u", "[]", ["u"]),
            (None, "", '["", "a"]', ["a"]),
            (None, None, '[1, 2.5, null, true, ["x"], {"url": "x"}, "a"]', ["a"]),
            (None, None, '"a"', []),
            (None, None, '{"a": "b"}', []),
            (None, None, "null", []),
            (None, "u", None, ["u"]),
            ("a/b", None, r'["a\/b", "\u0061\/b", "\u0000"]', ["a/b", "\0"]),
        ],
    )
    def test_images_are_distinct_urls(
        self, cdn: str | None, url: str | None, images: str | None, expected: list[str]
    ) -> None:
        raw = None if images is None else RawJson(images)
        found = product({"cdn_image_url": cdn, "image_url": url, "images": raw})["images"]
        assert [image["url"] for image in found] == expected
        assert [image["thumbnail"] for image in found] == expected
        assert [image["order"] for image in found] == list(range(len(expected)))
        assert [image["is_primary"] for image in found] == [n == 0 for n in range(len(expected))]

    def test_reviews_count_all_that_are_approved_visible_and_kept(self) -> None:
        shown: dict[str, Any] = {
            "product_id": 1,
            "status": "Approved",
            "is_visible": True,
            "is_deleted": None,
        }
        reviews = [shown | {"id": n, "rating": 4, "created_at": NOW} for n in range(1, 8)]
        reviews[0] |= {"rating": 5, "customer_name": "", "created_at": NOW + timedelta(days=1)}
        reviews[1] |= {"rating": None, "customer_name": "ليلى", "created_at": None}
        hidden: list[dict[str, Any]] = [
            {"status": "pending"},
            {"is_visible": None},
            {"is_deleted": True},
            {"status": None},
        ]
        reviews += [shown | it | {"id": n, "rating": 1} for n, it in enumerate(hidden, 20)]
        found = product(reviews=reviews)["reviews"]
        assert ids(found["items"]) == [1, 7, 6, 5, 4]
        assert found["items"][0]["customer_name"] == "Anonymous"
        assert found["count"] == 7
        assert found["average_rating"] == Decimal("4.2")  # 25 / 6

    def test_similar_products_are_six_active_ones_of_the_category(self) -> None:
        others = [{"id": n, "category_id": 3, "is_active": n != 5, "image_url": "u"} for n in range(2, 12)]
        others[0]["is_active"] = None
        found = product({"category_id": 3}, products=others)["similar_products"]
        assert ids(found) == [3, 4, 6, 7, 8, 9]
        assert found[0] == {"id": 3, "name": None, "sku": None, "image": "u"}

    def test_products_without_a_category_resemble_nothing(self) -> None:
        assert product(products=[{"id": 2, "is_active": True}])["similar_products"] == []
