"""A section that no document can be built of is broken as a whole: it is left out, everything else goes on, and it
comes back by itself."""

import json
import re

import httpx
import psycopg
import pytest
import redis

from projector.check import check
from projector.settings import Settings
from tests.conftest import Start
from tests.properties.judgement import judge, wait_for_empty_queues
from tests.waiting import wait_until

LETTERS = "SELECT document, id, section FROM projector.dead_letter"


def definition(erp: psycopg.Connection, view: str) -> str:
    """The statement that creates a view as it is now."""
    text = erp.execute("SELECT pg_get_viewdef(%s::regclass)", (f"projector.{view}",)).fetchone()[0]
    return f"CREATE VIEW projector.{view} (id, value, valid_until) AS {text}"


def product(address: str, id_: int) -> dict:
    return httpx.get(f"{address}/api/mobile/products/{id_}/complete").json()


@pytest.mark.timeout(240)
def test_a_dropped_view_makes_one_letter_and_comes_back_by_itself(
    installed: Settings, start: Start, erp: psycopg.Connection
) -> None:
    """Documents that are touched keep its last good bytes and say so, untouched ones say nothing; one batch fails and
    no more; a worker that starts meanwhile works; once the view is back everything is right within seconds."""
    worker = start("run")
    worker.wait_for(r"\bready\b")
    address = start("serve", "--port", "0").wait_for(r"Listening on (http://\S+)")[1]
    wait_for_empty_queues(erp)
    view = definition(erp, "product_reviews")
    before = product(address, 1)["data"]["reviews"]
    erp.execute("DROP VIEW projector.product_reviews")
    erp.execute("INSERT INTO reviews (product_id, rating, status, is_visible) VALUES (1, 5, 'approved', true)")
    wait_until(lambda: erp.execute(LETTERS).fetchall() == [("product", None, "reviews")], what="one letter for all")
    wait_until(lambda: product(address, 1)["metadata"].get("degraded") == ["reviews"], what="the document says so")
    assert product(address, 1)["data"]["reviews"] == before
    for number in range(3):
        erp.execute("UPDATE products SET name = %s", (f"name {number}",))
        wait_until(
            lambda n=number: product(address, 2)["data"]["product"]["name"] == f"name {n}", what="other sections"
        )
    assert worker.output().count("a batch failed") == 1
    assert worker.stop() == 0
    second = start("run")
    second.wait_for(r"\bready\b")
    erp.execute("UPDATE products SET name = 'restarted' WHERE id = 3")
    wait_until(
        lambda: product(address, 3)["data"]["product"]["name"] == "restarted", what="a worker that started later"
    )
    assert "a batch failed" not in second.output()
    status = start("status")
    assert status.process.wait(30) == 1
    assert re.search(r"problem .*product\.reviews is broken.*projector check", status.output())
    (finding,) = [it for it in check(installed).findings if it.level == "error"]
    assert "product.reviews" in finding.subject
    assert "projector install" in finding.message
    erp.execute(view)
    wait_until(lambda: not erp.execute(LETTERS).fetchall(), 15, "the letter has gone")
    judge(erp, address)
    assert "degraded" not in product(address, 1)["metadata"]


@pytest.mark.timeout(240)
def test_a_kind_of_document_whose_only_section_is_broken_still_knows_what_exists(
    installed: Settings, start: Start, erp: psycopg.Connection, redis_url: str
) -> None:
    """Built for the first time while broken: no document that exists is taken for one that does not."""
    view = definition(erp, "customer_orders_orders")
    erp.execute("DROP VIEW projector.customer_orders_orders")
    start("run").wait_for(r"\bready\b")
    address = start("serve", "--port", "0").wait_for(r"Listening on (http://\S+)")[1]
    wait_for_empty_queues(erp)
    with redis.Redis.from_url(redis_url) as client:
        assert json.loads(client.hget("bff:customer:1:orders", "degraded")) == ["orders"]
    absent = f"{address}/api/mobile/customers/99999/orders"
    wait_until(lambda: httpx.get(absent).status_code == 404, what="the kind counts as built")
    assert httpx.get(f"{address}/api/mobile/customers/1/orders").status_code != 404
    erp.execute(view)
    wait_until(lambda: not erp.execute(LETTERS).fetchall(), 15, "the letter has gone")
    judge(erp, address)


@pytest.mark.timeout(240)
def test_a_route_that_cannot_be_asked_touches_all_documents(
    installed: Settings, start: Start, erp: psycopg.Connection
) -> None:
    """The worker goes on, tells once, and every document is right: what the route might lead to is rebuilt."""
    worker = start("run")
    worker.wait_for(r"\bready\b")
    address = start("serve", "--port", "0").wait_for(r"Listening on (http://\S+)")[1]
    wait_for_empty_queues(erp)
    id_, category = erp.execute("SELECT id, category_id FROM products WHERE category_id IS NOT NULL").fetchone()
    erp.execute("ALTER TABLE products RENAME COLUMN category_id TO group_id")
    for name in ("first", "second"):
        erp.execute("UPDATE categories SET name = %s WHERE id = %s", (name, category))
        wait_until(lambda n=name: product(address, id_)["data"]["product"]["category"] == n, what="the category's name")
    told = re.findall(r"a route cannot be asked[^\n]* document=(\w+)", worker.output())
    assert sorted(told) == ["product", "product_detail"]
    warned = [it for it in check(installed).findings if "route of product.product from categories.id" in it.subject]
    assert [it.level for it in warned] == ["warning"]
    assert 'column "category_id" does not exist' in warned[0].message
    erp.execute("ALTER TABLE products RENAME COLUMN group_id TO category_id")
    judge(erp, address)
