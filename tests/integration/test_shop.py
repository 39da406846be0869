"""The shoppers' documents: paced under a flood of sales, changed by the clock alone, empty where tables are missing."""

import json
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import redis

from projector.faults.judgement import compare
from projector.install import install
from projector.oracle import differences, document, load, parse
from projector.settings import Settings
from tests.conftest import Start
from tests.properties.judgement import ZONE, wait_for_empty_queues
from tests.waiting import wait_until

CHANGES = "projector:changes"
HOME = "bff:shop:0:complete"
FLOOD_SECONDS = 3.0


def get(address: str, path: str) -> Any:
    with urllib.request.urlopen(f"{address}/api/mobile/{path}") as answer:  # noqa: S310 - our own API
        return parse(answer.read())["data"]


def serve(start: Start) -> str:
    return start("serve", "--port", "0").wait_for(r"Listening on (http://\S+)")[1]


def test_a_flood_of_sales_remakes_the_ranking_once_a_second(
    installed: Settings, start: Start, erp: psycopg.Connection, redis_url: str
) -> None:
    """Each sale changes it, and would have it made hundreds of times. When the queues are empty it is exact."""
    start("run", PROJECTOR_AUDIT_SHARE="0").wait_for(r"\bready\b")
    address = serve(start)
    erp.execute("UPDATE products SET is_active = true")
    erp.execute("INSERT INTO inventory_items (product_id, quantity_on_hand) SELECT id, 1000 FROM products")
    erp.execute("INSERT INTO sales_orders (id, created_at, status) VALUES (90001, now(), 'CONFIRMED')")
    wait_for_empty_queues(erp)
    with redis.Redis.from_url(redis_url) as client, client.pubsub(ignore_subscribe_messages=True) as changes:
        changes.subscribe(CHANGES)
        sales, made, began = 0, 0, time.monotonic()
        while (elapsed := time.monotonic() - began) < FLOOD_SECONDS:
            if sales < 300 * elapsed:
                sales += 1
                sale = "INSERT INTO sales_items (sales_order_id, product_id, quantity) VALUES (90001, %s, %s)"
                erp.execute(sale, (sales % 10 + 1, 10 * sales))
            message = changes.get_message(timeout=0.001)
            made += message is not None and message["data"] == HOME.encode()
    assert sales > 100
    assert 1 <= made <= FLOOD_SECONDS + 1
    wait_for_empty_queues(erp)
    expected = document(load(erp), HOME, now=datetime.now(UTC), timezone=ZONE)
    assert differences(expected, get(address, "home")) == []


def test_promotions_begin_and_end_by_themselves(
    installed: Settings, start: Start, erp: psycopg.Connection, redis_url: str
) -> None:
    """No row changes: only the clock comes by the moments at which one begins and another ends."""
    moment = datetime(2027, 3, 1, 12, tzinfo=UTC)
    erp.execute("UPDATE promotions SET is_active = false")
    erp.execute(
        "INSERT INTO promotions (id, title, is_active, applies_to_home, applies_to_checkout, start_date, end_date)"
        " VALUES (901, 'ends', true, true, true, NULL, '2027-03-01 12:00'),"
        " (902, 'begins', true, true, true, '2027-03-01 12:00', '2027-03-01 12:00:02'),"
        " (903, 'never', true, true, true, '2027-03-01 12:00', '2027-03-01 11:00')"
    )
    offset = moment - timedelta(seconds=8) - datetime.now(UTC)
    clock = {"PROJECTOR_CLOCK_OFFSET_SECONDS": str(offset.total_seconds()), "PROJECTOR_AUDIT_SHARE": "0"}
    start("run", **clock).wait_for(r"\bready\b")
    with redis.Redis.from_url(redis_url) as client:

        def shown(section: str) -> list[int] | None:
            value = client.hget(HOME, section)
            return value and [it["id"] for it in json.loads(value)]

        for expected in ([901], [902], []):
            for section in ("promotions", "checkout_promotions"):
                wait_until(lambda: shown(section) == expected, 20, f"{expected} in {section}")  # noqa: B023
    assert datetime.now(UTC) + offset >= moment + timedelta(seconds=2)


def test_without_optional_tables_parts_are_empty(settings: Settings, start: Start, erp: psycopg.Connection) -> None:
    erp.execute("DROP TABLE reviews, customer_addresses, cart_items, carts, promotions")
    install(settings)
    start("rebuild").wait_for(r"rebuilt \d+ documents")
    address = serve(start)
    home, checkout = get(address, "home?branch_id=1&customer_id=1"), get(address, "checkout?customer_id=1")
    assert (home["promotions"], home["cart"]) == ([], {"items_count": 0, "total": 0, "currency": "IQD"})
    assert (checkout["addresses"], checkout["promotions"], checkout["cart"]["items"]) == ([], [], [])
    verdict = compare(erp, address, brief=True)
    assert not verdict.differences, str(verdict)


@pytest.mark.parametrize(
    ("change", "shops"),
    [
        ("UPDATE inventory_items SET quantity_on_hand = 5 WHERE id = (SELECT min(i.id) FROM inventory_items i"
         " JOIN warehouses w ON w.id = i.warehouse_id JOIN products p ON p.id = i.product_id"
         " WHERE w.branch_id = 1 AND p.is_active)", {0, 1}),
        ("UPDATE products SET description = 'of no list' WHERE id = 1", set()),
    ],
)  # fmt: skip
def test_a_quiet_change_leads_to_the_shops_that_it_may_touch(
    change: str, shops: set[int], installed: Settings, start: Start, erp: psycopg.Connection, redis_url: str
) -> None:
    """Not to every shop, as any number of changes at once does."""
    start("run", PROJECTOR_AUDIT_SHARE="0").wait_for(r"\bready\b")
    wait_for_empty_queues(erp)
    with redis.Redis.from_url(redis_url) as client:

        def versions() -> dict[int, bytes]:
            keys = {int(key.split(b":")[2]): key for key in client.keys("bff:shop:*")}
            return {shop: client.hget(key, "new_arrivals@").rpartition(b" ")[0] for shop, key in keys.items()}

        before = versions()
        erp.execute(change.encode())
        wait_for_empty_queues(erp)
        after = versions()
    assert {shop for shop in before if before[shop] != after[shop]} == shops
