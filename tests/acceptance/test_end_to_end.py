"""From a row of the ERP to an answer of the API, through both processes."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import psycopg
import pytest
import redis

from projector.demo.processes import running
from tests.acceptance.commands import Projector
from tests.waiting import wait_until


@dataclass(frozen=True)
class Live:
    """An ERP session, the API, and Redis between them."""

    erp: psycopg.Connection
    api: httpx.Client
    cache: "redis.Redis"

    def shows(self, path: str, status: int, text: str = "") -> None:
        """Asks the API until it answers so."""
        wait_until(lambda: self._answers(path, status, text), what=f"GET {path} -> {status} {text}")

    def _answers(self, path: str, status: int, text: str) -> bool:
        answer = self.api.get(f"/api/mobile/{path}")
        assert answer.status_code < 500, answer.text
        return answer.status_code == status and text in answer.text


@pytest.fixture(scope="module")
def live(shared: Projector, shared_erp_url: str, shared_redis_url: str) -> Iterator[Live]:
    """Everything installed, built and running; `serve` with two processes."""
    assert shared("install").code == 0
    assert shared("rebuild").code == 0
    environment = {name: str(value) for name, value in shared.environment.items()}
    with (
        running(["run"], environment, shared.folder / "run.log") as worker,
        running(["serve", "--port", "0", "--workers", "2"], environment, shared.folder / "serve.log") as server,
        psycopg.connect(shared_erp_url, autocommit=True) as erp,
        redis.Redis.from_url(shared_redis_url) as cache,
    ):
        worker.wait_for(r"\bready\b")
        address = server.wait_for(r"Listening on (http://\S+)")[1]
        with httpx.Client(base_url=address) as api:
            yield Live(erp, api, cache)
        assert (server.stop(), worker.stop()) == (0, 0)


def test_a_changed_row_is_soon_in_the_answer(live: Live) -> None:
    live.shows("products/1/complete", 200)
    live.erp.execute("UPDATE products SET name_ar = 'شاي أسود' WHERE id = 1")
    live.shows("products/1/complete", 200, "شاي أسود")


def test_a_change_far_away_is_soon_in_every_answer_that_shows_it(live: Live) -> None:
    """A salesperson's new phone number is in orders and customers; an order is in four documents."""
    live.erp.execute("UPDATE users SET phone = '+964 0000001' WHERE id = 1")
    (order, customer) = live.erp.execute(
        "SELECT id, customer_id FROM sales_orders WHERE created_by = 1 AND customer_id IS NOT NULL LIMIT 1"
    ).fetchone() or (0, 0)
    live.shows(f"orders/{order}/complete", 200, "+964 0000001")
    live.shows("salesperson/dashboard?salesperson_id=1", 200, "+964 0000001")
    live.erp.execute("UPDATE sales_orders SET order_number = 'SO-NEW', created_at = now() WHERE id = %s", (order,))
    for path in (
        f"orders/{order}/quick",
        f"customers/{customer}/complete",
        f"customers/{customer}/orders",
        "salesperson/dashboard?salesperson_id=1&date_range=month",
    ):
        live.shows(path, 200, "SO-NEW")


def test_a_customer_is_there_from_the_insert_to_the_delete(live: Live) -> None:
    paths = [f"customers/700001/{name}" for name in ("complete", "quick", "financial", "orders")]
    for path in paths:
        live.shows(path, 404)
    live.erp.execute("INSERT INTO customers (id, name) VALUES (700001, 'زبون جديد')")
    for path in paths:
        live.shows(path, 200)
    live.shows("customers/700001/complete", 200, "زبون جديد")
    live.erp.execute("DELETE FROM customers WHERE id = 700001")
    for path in paths:
        live.shows(path, 404)


def test_a_transaction_that_is_rolled_back_is_never_seen(live: Live) -> None:
    with psycopg.connect(live.erp.info.dsn) as connection:
        connection.execute("UPDATE products SET name = 'never' WHERE id = 2")
        live.erp.execute("UPDATE products SET name = 'other' WHERE id = 3")
        live.shows("products/3/complete", 200, "other")
        connection.rollback()
    assert "never" not in live.api.get("/api/mobile/products/2/complete").text


@pytest.mark.parametrize(
    ("path", "invalidate", "pattern"),
    [
        ("products/5/complete", "products/5", "bff:product:5:complete"),
        ("customers/5/complete", "customers/5", "bff:customer:5:complete"),
        ("customers/5/orders", "customers/5", "bff:customer:5:orders"),
        ("orders/5/complete", "orders/5", "bff:order:5:complete"),
        ("salesperson/dashboard?salesperson_id=1", "salesperson/1/dashboard", "bff:dashboard:salesperson:1:*"),
    ],
)
def test_invalidate_cache_restores_what_was_deleted_by_hand(
    path: str, invalidate: str, pattern: str, live: Live
) -> None:
    before = live.api.get(f"/api/mobile/{path}").json()["data"]
    keys = live.cache.keys(pattern)
    assert keys
    live.cache.delete(*keys)
    assert live.api.post(f"/api/mobile/{invalidate}/invalidate-cache").status_code == 202
    wait_until(lambda: sorted(live.cache.keys(pattern)) == sorted(keys), what="the documents are back")
    assert live.api.get(f"/api/mobile/{path}").json()["data"] == before


def test_all_processes_answer_and_are_ready(live: Live) -> None:
    for path in ("health", "ready", "products/1/complete") * 4:
        with httpx.Client(base_url=live.api.base_url) as api:
            assert api.get(f"/api/mobile/{path}").status_code == 200
