"""The ERP's next version renames and drops what sections read, while we run: `install` repairs or degrades, everything
else flows, and when the ERP fits again every document is right."""

import re

import httpx
import psycopg
import pytest

from projector.check import Level, check
from projector.demo.processes import Command
from projector.settings import Settings
from tests.conftest import Start
from tests.properties.judgement import judge, wait_for_empty_queues
from tests.waiting import wait_until


def product(address: str, id_: int) -> dict:
    return httpx.get(f"{address}/api/mobile/products/{id_}/complete").json()


@pytest.fixture
def address(installed: Settings, start: Start, erp: psycopg.Connection) -> str:
    """Where the API of a running installation listens, everything built."""
    start("run").wait_for(r"\bready\b")
    address = start("serve", "--port", "0").wait_for(r"Listening on (http://\S+)")[1]
    wait_for_empty_queues(erp)
    return address


def run_install(start: Start) -> Command:
    command = start("install")
    command.process.wait(60)
    return command


def finding(settings: Settings, subject: str) -> tuple[Level, str]:
    (found,) = [it for it in check(settings).findings if subject in it.subject]
    return found.level, found.message


def is_sound(settings: Settings) -> bool:
    return {it.level for it in check(settings).findings} == {Level.OK}


@pytest.mark.timeout(240)
def test_a_renamed_column_goes_on_under_its_new_name(
    installed: Settings, start: Start, erp: psycopg.Connection, address: str
) -> None:
    """`check` tells of it; `install` keeps the view, which followed, and captures the new name; renamed back and
    installed again, all is as before."""
    erp.execute("ALTER TABLE reviews RENAME COLUMN title TO headline")
    assert finding(installed, "table reviews")[0] == Level.WARNING
    done = run_install(start)
    assert done.process.returncode == 0, done.output()
    assert re.search(r"product\.reviews goes on with its earlier view.*column r\.title does not exist", done.output())
    assert ("reviews", "headline") in erp.execute("SELECT source, name FROM projector.captured_column").fetchall()
    level, message = finding(installed, "section product.reviews")
    assert level == Level.WARNING
    assert "install a version of projector that fits" in message
    id_, review = erp.execute(
        "INSERT INTO reviews (product_id, rating, status, is_visible, headline, created_at)"
        " VALUES (1, 5, 'approved', true, 'written', '2200-01-01') RETURNING product_id, id"
    ).fetchone()

    def titles() -> list[str]:
        return [item["title"] for item in product(address, id_)["data"]["reviews"]["items"]]

    wait_until(lambda: "written" in titles(), what="a new row under the new name")
    erp.execute("UPDATE reviews SET headline = 'changed' WHERE id = %s", (review,))
    wait_until(lambda: "changed" in titles(), what="a change under the new name")
    assert "degraded" not in product(address, id_)["metadata"]
    erp.execute("ALTER TABLE reviews RENAME COLUMN headline TO title")
    assert run_install(start).process.returncode == 0
    assert is_sound(installed)
    erp.execute("UPDATE reviews SET title = 'again' WHERE id = %s", (review,))
    wait_until(lambda: "again" in titles(), what="a change under the old name")
    judge(erp, address)


@pytest.mark.timeout(240)
def test_a_renamed_column_that_a_route_starts_from_touches_all_documents(
    installed: Settings, start: Start, erp: psycopg.Connection, address: str
) -> None:
    erp.execute("ALTER TABLE reviews RENAME COLUMN product_id TO item_id")
    done = run_install(start)
    assert done.process.returncode == 0, done.output()
    assert "product.reviews from reviews.product_id: every change there rebuilds all documents" in done.output()
    assert finding(installed, "route of product.reviews from reviews")[0] == Level.WARNING
    before = product(address, 2)["data"]["reviews"]["count"]
    erp.execute("INSERT INTO reviews (item_id, rating, status, is_visible) VALUES (2, 5, 'approved', true)")
    wait_until(lambda: product(address, 2)["data"]["reviews"]["count"] == before + 1, what="a new review")
    erp.execute("ALTER TABLE reviews RENAME COLUMN item_id TO product_id")
    assert run_install(start).process.returncode == 0
    assert is_sound(installed)
    judge(erp, address)


@pytest.mark.timeout(240)
def test_a_column_dropped_with_cascade_leaves_its_sections_out_until_it_is_back(
    installed: Settings, start: Start, erp: psycopg.Connection, address: str
) -> None:
    """`install` says so in a line and exits with 1; all documents of the section say so, too, with its older bytes;
    nothing else is concerned. A worker does not put it back before the next installation."""
    before = product(address, 1)["data"]["pricing"]
    erp.execute("CREATE TABLE kept AS SELECT id, minimum_quantity FROM product_prices")
    erp.execute("ALTER TABLE product_prices DROP COLUMN minimum_quantity CASCADE")
    assert finding(installed, "section product.pricing")[0] == Level.ERROR
    done = run_install(start)
    assert done.process.returncode == 1
    assert re.search(r"^product\.pricing is left out.*minimum_quantity", done.output(), re.MULTILINE)
    assert re.search(
        r"^error: 5 sections do not fit this ERP and are left out \(product\.pricing, product_detail\.price, shop\.",
        done.output(),
        re.MULTILINE,
    )
    wait_for_empty_queues(erp)
    for id_ in (1, 2, 3):
        assert product(address, id_)["metadata"]["degraded"] == ["pricing"]
    assert product(address, 1)["data"]["pricing"] == before
    erp.execute("UPDATE products SET name = 'goes on' WHERE id = 1")
    wait_until(lambda: product(address, 1)["data"]["product"]["name"] == "goes on", what="the other sections")
    level, message = finding(installed, "section product.pricing")
    assert (level, "minimum_quantity" in message) == (Level.ERROR, True)
    retry = start("dead-letters", "retry")
    assert retry.process.wait(30) == 0
    assert re.search(r"Not mended by trying: product\.pricing, .*\. Run: projector check", retry.output())
    erp.execute("ALTER TABLE product_prices ADD COLUMN minimum_quantity integer")
    erp.execute("UPDATE product_prices p SET minimum_quantity = k.minimum_quantity FROM kept k WHERE k.id = p.id")
    repaired = run_install(start)
    assert repaired.process.returncode == 0, repaired.output()
    assert is_sound(installed)
    assert erp.execute("SELECT count(*) FROM projector.dead_letter").fetchone() == (0,)
    judge(erp, address)
    assert "degraded" not in product(address, 1)["metadata"]


@pytest.mark.timeout(240)
def test_a_renamed_table_goes_on_under_its_new_name(
    installed: Settings, start: Start, erp: psycopg.Connection, address: str
) -> None:
    """Also one that no installation can do without the first time: before `install`, after it, and renamed back."""

    def quantity() -> float:
        return product(address, 1)["data"]["inventory"]["total_quantity"]

    def change(table: str, number: int) -> None:
        erp.execute(f"UPDATE {table} SET quantity_on_hand = %s WHERE product_id = 1", (number,))
        items = erp.execute(f"SELECT count(*) FROM {table} WHERE product_id = 1").fetchone()[0]
        wait_until(lambda: quantity() == number * items, what=f"{number} in {table}")

    erp.execute("ALTER TABLE inventory_items RENAME TO stock_items")
    assert finding(installed, "table inventory_items")[0] == Level.WARNING
    change("stock_items", 11)
    start("run").wait_for(r"\bready\b")
    change("stock_items", 12)
    done = run_install(start)
    assert done.process.returncode == 0, done.output()
    assert "product.inventory goes on with its earlier view" in done.output()
    change("stock_items", 13)
    assert "degraded" not in product(address, 1)["metadata"]
    erp.execute("ALTER TABLE stock_items RENAME TO inventory_items")
    assert run_install(start).process.returncode == 0
    assert is_sound(installed)
    change("inventory_items", 14)
    judge(erp, address)


def test_a_first_installation_refuses_an_erp_that_differs(
    settings: Settings, start: Start, erp: psycopg.Connection
) -> None:
    """There it means another database; nothing stays behind."""
    erp.execute("ALTER TABLE product_prices RENAME COLUMN price TO amount")
    done = run_install(start)
    assert done.process.returncode == 1
    assert re.match(r"error: Section product\.pricing cannot be installed: .*price", done.output())
    assert erp.execute("SELECT to_regnamespace('projector')").fetchone() == (None,)
