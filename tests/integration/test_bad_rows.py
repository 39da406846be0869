"""One bad row spoils one document: what cannot be built keeps its last good bytes, everything else goes on."""

import json
import time

import httpx
import psycopg
import pytest
import redis

from projector.install import install
from projector.settings import Settings
from tests.conftest import Start
from tests.properties.judgement import judge, wait_for_empty_queues
from tests.waiting import wait_until

BROKEN = {
    "product_reviews": ("product", "id, value, valid_until", "id % 7 = 3"),
    "dashboard_period": ("dashboard", "id, range, value, valid_until", "id % 2 = 0"),
}


def break_section(erp: psycopg.Connection, view: str) -> None:
    """Makes a section divide by zero for some ids, as a bad row would."""
    _, columns, condition = BROKEN[view]
    erp.execute(f"ALTER VIEW projector.{view} RENAME TO {view}_sound")
    chosen = columns.replace("value", f"CASE WHEN {condition} THEN to_json(1 / (id - id)) ELSE value END")
    erp.execute(f"CREATE VIEW projector.{view} ({columns}) AS SELECT {chosen} FROM projector.{view}_sound")


def mend_section(erp: psycopg.Connection, settings: Settings, view: str) -> None:
    erp.execute(f"DROP VIEW projector.{view}")
    erp.execute(f"ALTER VIEW projector.{view}_sound RENAME TO {view}")
    install(settings)


def letters(erp: psycopg.Connection) -> set[tuple[int, str]]:
    return set(erp.execute("SELECT id, section FROM projector.dead_letter").fetchall())


def replace_value(erp: psycopg.Connection, view: str, expression: str) -> None:
    """Puts another value into a view of a section that has no ranges, as one statement."""
    erp.execute(f"ALTER VIEW projector.{view} RENAME TO {view}_sound")
    erp.execute(
        f"CREATE VIEW projector.{view} AS SELECT id, {expression} AS value, valid_until FROM projector.{view}_sound"
    )


@pytest.mark.timeout(240)
@pytest.mark.parametrize("view", BROKEN)
def test_a_failing_section_degrades_its_documents_and_nothing_else(
    installed: Settings, start: Start, erp: psycopg.Connection, redis_url: str, view: str
) -> None:
    """Documents of bad rows name the section in `degraded` and keep its old bytes; all others are current; when the
    cause is gone the letters go, too, and every document equals the oracle."""
    document, section = view.split("_", 1)
    start("run").wait_for(r"\bready\b")
    address = start("serve", "--port", "0").wait_for(r"Listening on (http://\S+)")[1]
    wait_for_empty_queues(erp)
    break_section(erp, view)
    bad = {id_ for (id_,) in erp.execute(f"SELECT id FROM projector.{document} WHERE {BROKEN[view][2]}")}
    rebuild = start("rebuild", "--entity", document)
    assert rebuild.process.wait(60) == 1
    assert f"{len(bad)} sections could not be built" in rebuild.output()
    assert letters(erp) == {(id_, section) for id_ in bad}
    with redis.Redis.from_url(redis_url) as client:
        key = f"bff:product:{min(bad)}:complete"
        if document == "dashboard":
            key = f"bff:dashboard:salesperson:{min(bad)}:today"
        assert json.loads(client.hget(key, "degraded")) == [section]
        assert client.hget(key, section) is not None
    erp.execute("UPDATE products SET name = 'goes on' WHERE id = 3")
    wait_until(lambda: _name(address, 3) == "goes on", what="the product's other sections")
    mend_section(erp, installed, view)
    erp.execute("UPDATE projector.dead_letter SET retry_at = now()")
    wait_until(lambda: not letters(erp), what="no dead letters")
    wait_for_empty_queues(erp)
    judge(erp, address)


def _name(address: str, id_: int) -> str:
    answer = httpx.get(f"{address}/api/mobile/products/{id_}/complete")
    return answer.json()["data"]["product"]["name"]


@pytest.mark.timeout(240)
def test_each_kind_of_bad_row_makes_its_own_letter_and_delays_nobody(
    settings: Settings, start: Start, erp: psycopg.Connection
) -> None:
    """Where a column is text instead of json it may hold anything; sums may overflow; an escaped NUL, which
    PostgreSQL's text cannot hold, is no fault at all. Each letter has the server's words, and goes by itself once its
    row is mended in the ERP."""
    erp.execute("ALTER TABLE products ALTER COLUMN images TYPE text USING images::text")
    erp.execute("ALTER TABLE products ALTER COLUMN dimensions TYPE text USING dimensions::text")
    install(settings)
    worker = start("run")
    worker.wait_for(r"\bready\b")
    address = start("serve", "--port", "0").wait_for(r"Listening on (http://\S+)")[1]
    wait_for_empty_queues(erp)
    before = erp.execute("SELECT dimensions FROM products WHERE id = 4").fetchone()
    replace_value(erp, "product_reviews", "CASE id WHEN 7 THEN to_json((id * 1e9)::numeric(10, 2)) ELSE value END")
    with erp.transaction():
        erp.execute("UPDATE products SET dimensions = '{\"w\": 1' WHERE id = 4")
        erp.execute("UPDATE products SET images = '[\"a\\u0000b\"]' WHERE id = 5")
        erp.execute("UPDATE products SET name = 'flows' WHERE id = 6")
        erp.execute("UPDATE reviews SET rating = rating % 5 + 1 WHERE product_id = 7")
        erp.execute("INSERT INTO reviews (product_id, rating) VALUES (7, 1)")
    wait_until(lambda: _name(address, 6) == "flows", what="the sound row of the same transaction")
    wait_until(lambda: letters(erp) == {(4, "product"), (7, "reviews")}, what="two letters")
    errors = dict(erp.execute("SELECT id, error FROM projector.dead_letter").fetchall())
    assert "json" in errors[4]
    assert "numeric field overflow" in errors[7]
    shown = httpx.get(f"{address}/api/mobile/products/4/complete").json()
    assert shown["metadata"]["degraded"] == ["product"]
    erp.execute("UPDATE products SET dimensions = %s WHERE id = 4", before)
    wait_until(lambda: letters(erp) == {(7, "reviews")}, what="the letter of the mended row has gone")
    erp.execute("DROP VIEW projector.product_reviews")
    erp.execute("ALTER VIEW projector.product_reviews_sound RENAME TO product_reviews")
    erp.execute("UPDATE projector.dead_letter SET retry_at = now()")
    wait_until(lambda: not letters(erp), what="no dead letters")
    assert "connection lost" not in worker.output()
    verify = start("verify")
    assert verify.process.wait(60) == 0, verify.output()


@pytest.mark.timeout(240)
def test_a_row_that_takes_too_long_is_a_bad_row_and_not_a_lost_connection(
    installed: Settings, start: Start, erp: psycopg.Connection
) -> None:
    """The statement time-out leads to the halving; afterwards the lane of fresh events never meets that row again,
    however often it is touched."""
    worker = start("run", PROJECTOR_STATEMENT_TIMEOUT_SECONDS="20")
    worker.wait_for(r"\bready\b")
    address = start("serve", "--port", "0").wait_for(r"Listening on (http://\S+)")[1]
    wait_for_empty_queues(erp)
    slow = "CASE id WHEN 3 THEN to_json(pg_sleep(60)::text) ELSE value END"
    replace_value(erp, "product_product", slow)
    erp.execute("UPDATE products SET name = 'first' WHERE id IN (2, 3, 4)")
    wait_until(lambda: letters(erp) == {(3, "product")}, what="a letter for the slow row alone")
    assert "timeout" in erp.execute("SELECT error FROM projector.dead_letter").fetchone()[0]
    wait_until(lambda: (_name(address, 2), _name(address, 4)) == ("first", "first"), what="the other rows")
    began = time.monotonic()
    for number in range(5):
        erp.execute("UPDATE products SET name = %s WHERE id IN (2, 3)", (f"round {number}",))
        wait_until(lambda n=number: _name(address, 2) == f"round {n}", 5, "a row beside the slow one")
    assert time.monotonic() - began < 5
    erp.execute("DROP VIEW projector.product_product")
    erp.execute("ALTER VIEW projector.product_product_sound RENAME TO product_product")
    erp.execute("UPDATE projector.dead_letter SET retry_at = now()")
    wait_until(lambda: not letters(erp), what="no dead letters")
    assert "connection lost" not in worker.output()
    judge(erp, address)


def test_the_letter_of_an_entity_that_is_gone_goes_too(
    installed: Settings, start: Start, erp: psycopg.Connection
) -> None:
    start("run").wait_for(r"\bready\b")
    wait_for_empty_queues(erp)
    break_section(erp, "product_reviews")
    erp.execute("INSERT INTO reviews (product_id, rating) VALUES (10, 1)")
    wait_until(lambda: letters(erp) == {(10, "reviews")}, what="a letter")
    with erp.transaction():
        for table in ("reviews", "cart_items", "product_prices", "inventory_items", "sales_items"):
            erp.execute(f"DELETE FROM {table} WHERE product_id = 10")
        erp.execute("DELETE FROM products WHERE id = 10")
    wait_until(lambda: not letters(erp), what="no dead letters")
