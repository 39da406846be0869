"""What a section was built for is kept beside its version, whichever way the work took."""

import asyncio

import psycopg
import pytest
import redis

from projector.cause import Cause
from projector.errors import NoDocument
from projector.rebuild import rebuild
from projector.settings import Settings
from projector.status import read_status
from projector.verify import verify
from projector.why import Origin, explain
from tests.conftest import Start
from tests.properties.judgement import wait_for_empty_queues
from tests.waiting import wait_until


@pytest.fixture
def live(installed: Settings, start: Start, erp: psycopg.Connection) -> Settings:
    """Everything is built, and a worker runs."""
    start("run", PROJECTOR_WIDE_FANOUT="20", PROJECTOR_AUDIT_SHARE="0").wait_for(r"\bready\b")
    wait_for_empty_queues(erp)
    wait_until(lambda: all(asyncio.run(read_status(installed)).built.values()), what="all kinds are built")
    return installed


def origins(settings: Settings, document: str, id_: int, date_range: str | None = None) -> dict[str, Origin]:
    found = asyncio.run(explain(settings, document, id_, date_range))
    return {origin.section: origin for origin in found.sections}


def change(erp: psycopg.Connection, *statements: str) -> int:
    """Commits them as one transaction, and returns its id."""
    with erp.transaction():
        for statement in statements:
            erp.execute(statement.encode())
        row = erp.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()
    wait_for_empty_queues(erp)
    return int(row[0])


def event(operation: str, table: str, transaction: int, others: int = 0, *, together: bool = False) -> Cause:
    return Cause("event", operation, table, transaction, others, together)


def test_each_way_that_work_takes_leaves_its_cause(live: Settings, erp: psycopg.Connection) -> None:
    """The first build, single changes, several in one batch, lanes beside, fan-outs, and rebuilds by hand."""
    assert {str(it.cause and it.cause.word) for it in origins(live, "product", 1).values()} == {"first"}

    stock = change(erp, "UPDATE inventory_items SET quantity_on_hand = quantity_on_hand + 1 WHERE product_id = 1")
    after = origins(live, "product", 1)
    assert after["inventory"].cause == event("U", "inventory_items", stock)
    assert after["product"].cause == Cause("first")

    # One transaction's events come in one batch, and each section has its own.
    both = change(
        erp,
        "UPDATE inventory_items SET quantity_on_hand = quantity_on_hand + 1 WHERE product_id = 2",
        "INSERT INTO reviews (product_id, rating, status, is_visible, is_deleted)"
        " VALUES (2, 1, 'approved', true, false)",
        "UPDATE reviews SET rating = 2 WHERE product_id = 2",
        "UPDATE products SET color = 'none' WHERE id = 3",
    )
    after = origins(live, "product", 2)
    assert after["inventory"].cause == event("U", "inventory_items", both)
    assert after["reviews"].cause == event("U", "reviews", both, 1)
    assert origins(live, "product_detail", 3)["product"].cause == event("U", "products", both)

    # A dashboard is built by the lane beside.
    order, seller = erp.execute(
        "SELECT id, created_by FROM sales_orders WHERE created_by IS NOT NULL"
        " ORDER BY created_at DESC NULLS LAST, id DESC LIMIT 1"
    ).fetchone()
    sold = change(erp, f"UPDATE sales_orders SET total_amount = total_amount + 1 WHERE id = {order}")
    assert origins(live, "order", order)["order"].cause == event("U", "sales_orders", sold)
    assert origins(live, "dashboard", seller, "month")["recent_orders"].cause == event("U", "sales_orders", sold)

    # A fan-out, resolved in the backlog.
    named = change(erp, "UPDATE branches SET name = 'elsewhere'")
    assert origins(live, "product", 1)["inventory"].cause == event("U", "branches", named)

    before = origins(live, "product", 1)
    asyncio.run(rebuild(live, ["product"], [1]))
    after = origins(live, "product", 1)
    assert {name: (it.built_at, it.cause) for name, it in after.items()} == {
        name: (it.built_at, it.cause) for name, it in before.items()
    }
    assert all(after[name].confirmed_at > it.confirmed_at for name, it in before.items())


def test_what_is_no_event_is_named(live: Settings, redis_url: str, erp: psycopg.Connection) -> None:
    """Requests of the read API, timers, rebuilds and repairs; each of a section that somebody overwrote."""
    with redis.Redis.from_url(redis_url) as client:

        def spoil(key: str, section: str) -> None:
            client.hset(key, section, "{}")

        def find(document: str, section: str, date_range: str | None = None) -> Cause | None:
            return origins(live, document, 2, date_range)[section].cause

        spoil("bff:product:2:complete", "product")
        assert asyncio.run(verify(live, ["product"], repair=True)).repaired == 1
        assert find("product", "product") == Cause("repair")
        spoil("bff:order:2:complete", "items")
        asyncio.run(rebuild(live, ["order"], [2]))
        assert find("order", "items") == Cause("rebuild")
        spoil("bff:order:2:complete", "items")
        client.xadd("projector:refresh", {"document": "order", "id": "2"})
        wait_until(lambda: find("order", "items") == Cause("refresh"), what="the request's build")
        period = origins(live, "dashboard", 2, "today")["period"]
        assert period.valid_until is not None
        assert period.valid_until > period.built_at
        spoil("bff:dashboard:salesperson:2:today", "period")
        client.zadd("{projector}:timers", {"dashboard:2:period": 1})
        wait_until(lambda: find("dashboard", "period", "today") == Cause("timer"), what="the timer's build")


def test_what_is_not_there_is_said_to_be_unknown_deleted_or_not_built_yet(
    live: Settings, erp: psycopg.Connection, redis_url: str
) -> None:
    with pytest.raises(NoDocument, match="There is no product 4000"):
        origins(live, "product", 4000)
    erp.execute("INSERT INTO products (id, name, is_active) OVERRIDING SYSTEM VALUE VALUES (5000, 'short', true)")
    wait_for_empty_queues(erp)
    assert origins(live, "product", 5000)
    transaction = change(erp, "DELETE FROM products WHERE id = 5000")
    with pytest.raises(NoDocument, match=f"a delete from products, transaction {transaction}"):
        origins(live, "product", 5000)
    with redis.Redis.from_url(redis_url) as client:
        client.hdel("projector:state", "built:shop")
        client.delete("bff:shop:0:complete")
    with pytest.raises(NoDocument, match="has not been built yet"):
        origins(live, "shop", 0)
