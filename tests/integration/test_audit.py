"""The audit: what went around the triggers, and what somebody did to Redis, is found, mended, and told."""

import json
import time
from collections.abc import Callable

import psycopg
import pytest
import redis

from projector.demo.processes import Command
from projector.settings import Settings
from tests.acceptance.documents import read_fresh, read_served
from tests.conftest import Start
from tests.integration.test_crash import traffic
from tests.properties.judgement import wait_for_empty_queues
from tests.waiting import wait_until

ALL_THE_TIME = {"PROJECTOR_AUDIT_SHARE": "1"}
PRODUCT = "bff:product:{}:complete"

Drift = set[tuple[str, int, str]]


@pytest.fixture
def worker(installed: Settings, start: Start, erp: psycopg.Connection) -> Command:
    """A worker that audits all the time, with everything built."""
    command = start("run", **ALL_THE_TIME)
    command.wait_for(r"\bready\b")
    wait_for_empty_queues(erp)
    return command


@pytest.fixture
def client(redis_url: str) -> redis.Redis:
    with redis.Redis.from_url(redis_url) as connection:
        yield connection


def found(erp: psycopg.Connection) -> Drift:
    return set(erp.execute("SELECT document, id, section FROM projector.drift WHERE repaired").fetchall())


def wait_for_drift(erp: psycopg.Connection, wanted: Drift) -> None:
    try:
        wait_until(lambda: wanted <= found(erp), 60)
    except AssertionError:
        raise AssertionError(f"not found: {wanted - found(erp)}; found: {found(erp)}") from None


def detail(erp: psycopg.Connection, document: str, id_: int, section: str) -> str:
    query = "SELECT detail FROM projector.drift WHERE (document, id, section) = (%s, %s, %s)"
    return erp.execute(query, (document, id_, section)).fetchone()[0]


@pytest.mark.timeout(120)
def test_a_change_behind_the_triggers_back_is_found_and_mended(
    worker: Command, erp: psycopg.Connection, client: redis.Redis
) -> None:
    """Too quick for the watch over the triggers to see: only a comparison can find it."""
    with erp.transaction():
        erp.execute("ALTER TABLE products DISABLE TRIGGER USER")
        erp.execute("UPDATE products SET name = 'unseen' WHERE id = 7")
        erp.execute("ALTER TABLE products ENABLE TRIGGER USER")
    wait_for_drift(erp, {("product", 7, "product")})
    assert json.loads(client.hget(PRODUCT.format(7), "product"))["name"] == "unseen"
    assert 'built as "unseen"' in detail(erp, "product", 7, "product")
    worker.wait_for(r"drift: .*document=product id=7 section=product difference=.*unseen.* repaired=True")


@pytest.mark.timeout(120)
def test_rows_restored_into_a_child_table_are_found(
    worker: Command, erp: psycopg.Connection, client: redis.Redis
) -> None:
    """A table that inherits from a captured one has no trigger of ours until the next installation."""
    erp.execute("CREATE TABLE stock_restored () INHERITS (inventory_items)")
    erp.execute(
        "INSERT INTO stock_restored (id, product_id, warehouse_id, quantity_on_hand) SELECT 900001, 3, min(id), 1234567"
        " FROM warehouses"
    )
    wait_for_drift(erp, {("product", 3, "inventory")})
    assert json.loads(client.hget(PRODUCT.format(3), "inventory"))["total_quantity"] >= 1234567


@pytest.mark.timeout(180)
def test_every_edit_of_redis_by_hand_is_found_and_mended(
    worker: Command, erp: psycopg.Connection, erp_url: str, client: redis.Redis
) -> None:
    """Each with the section, and the difference in words."""
    key = PRODUCT.format

    def from_the_future(number: int, field: str) -> None:
        epoch, order, *rest = client.hget(key(number), field).split()
        client.hset(key(number), field, b" ".join([epoch, b"9" * len(order), *rest]))

    client.hset(key(1), "pricing", "[]")
    client.hset(key(2), "inventory", '{"total_quantity": 1}')
    from_the_future(2, "inventory@")
    from_the_future(3, "images@")
    client.hset(key(4), "degraded", '["reviews"]')
    client.delete(key(5))
    client.copy(key(6), key(990_001))
    client.delete(key(8))
    client.set(key(8), "of another type")
    client.hset(key(9), "product", "not JSON")
    client.hset(key(10), mapping={"degraded": "not JSON"})
    orders = "bff:customer:1:orders"
    client.hset(orders, "orders", '{"list": []}')
    wait_for_drift(
        erp,
        {
            ("product", 1, "pricing"), ("product", 2, "inventory"), ("product", 3, "images"), ("product", 4, "reviews"),
            ("product", 5, "*"), ("product", 990_001, "*"), ("product", 8, "*"), ("product", 9, "product"),
            ("customer_orders", 1, "orders"), ("product", 10, "product"),
        },
    )  # fmt: skip
    assert "no snapshot" in detail(erp, "product", 3, "images")
    assert "degraded" in detail(erp, "product", 4, "reviews")
    assert "not served" in detail(erp, "product", 5, "*")
    assert "does not exist" in detail(erp, "product", 990_001, "*")
    assert read_served(client) == read_fresh(erp_url)
    assert client.hget(key(4), "degraded") is None
    erp.execute("UPDATE inventory_items SET quantity_on_hand = 77 WHERE product_id = 2")
    wait_until(lambda: b"77" in client.hget(key(2), "inventory"), what="a section that is no longer fenced off")


@pytest.mark.timeout(120)
def test_a_timer_that_got_lost_is_set_again(worker: Command, client: redis.Redis) -> None:
    """Before its moment comes: nothing is served wrongly meanwhile, so it is no drift."""
    timers = set(client.zrange("{projector}:timers", 0, -1))
    assert timers
    client.delete("{projector}:timers")
    wait_until(lambda: set(client.zrange("{projector}:timers", 0, -1)) == timers, 60, "all timers")


@pytest.mark.timeout(120)
def test_work_under_way_is_never_taken_for_drift(
    worker: Command, start: Start, erp: psycopg.Connection, erp_url: str
) -> None:
    """Two workers that audit all the time, two streams of changes, fan-outs and a rebuild: nothing is reported."""
    start("run", **ALL_THE_TIME).wait_for(r"\bready\b")
    end = time.monotonic() + 12
    with traffic(erp_url, 1), traffic(erp_url, 2):
        start("rebuild")
        while time.monotonic() < end:
            erp.execute("UPDATE branches SET name = md5(random()::text)")
            erp.execute("UPDATE pricing_lists SET is_active = NOT is_active WHERE id = 1")
            time.sleep(0.2)  # the pace of the wide changes
    wait_for_empty_queues(erp)
    assert erp.execute("SELECT * FROM projector.drift").fetchall() == []
    assert erp.execute("SELECT count(*) FROM projector.audit WHERE finished_at IS NULL").fetchone() == (0,)


@pytest.mark.timeout(120)
def test_the_audit_can_be_switched_off(installed: Settings, start: Start, erp: psycopg.Connection) -> None:
    start("run", PROJECTOR_AUDIT_SHARE="0").wait_for(r"\bready\b")
    wait_for_empty_queues(erp)
    assert erp.execute("SELECT count(*) FROM projector.audit").fetchone() == (0,)


@pytest.mark.timeout(120)
def test_a_disabled_trigger_is_told_at_once_and_reconciled_when_it_is_back(
    installed: Settings, start: Start, erp: psycopg.Connection, client: redis.Redis, problems: Callable[[], list[str]]
) -> None:
    """No audit runs: the watch over the triggers suffices. The fault outlives the worker that saw it."""
    worker = start("run", PROJECTOR_AUDIT_SHARE="0")
    worker.wait_for(r"\bready\b")
    wait_for_empty_queues(erp)
    erp.execute("ALTER TABLE products DISABLE TRIGGER projector_capture_update")
    erp.execute("DROP TRIGGER projector_capture_delete ON categories")
    worker.wait_for(r"does not fire.*table=products trigger=projector_capture_update fault=disabled")
    worker.wait_for(r"does not fire.*table=categories trigger=projector_capture_delete fault=missing")
    assert any("projector_capture_update on products is disabled" in problem for problem in problems())
    erp.execute("UPDATE products SET name = 'unseen' WHERE id = 7")
    worker.stop()
    erp.execute("ALTER TABLE products ENABLE TRIGGER projector_capture_update")
    start("run", PROJECTOR_AUDIT_SHARE="0").wait_for(r"fire again.*table=products")
    wait_until(lambda: b"unseen" in client.hget(PRODUCT.format(7), "product"), what="the unseen change")
    assert [problem for problem in problems() if "products" in problem] == []
    assert any("categories is missing" in problem for problem in problems())


@pytest.fixture
def problems(start: Start) -> Callable[[], list[str]]:
    """What `projector status` calls a problem."""

    def ask() -> list[str]:
        command = start("status", "--json")
        command.process.wait(30)
        return json.loads(command.output())["problems"]

    return ask
