"""Processes that are killed, and several that work at once: nothing is lost, nothing goes back, nothing is torn."""

import itertools
import json
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
import redis

from projector.demo.traffic import Traffic
from tests.conftest import Start
from tests.properties.judgement import judge, wait_for_empty_queues
from tests.waiting import wait_until


@contextmanager
def traffic(url: str, seed: int = 1, pause_seconds: float = 0.0) -> Iterator[None]:
    """A stream of changes in the background; an error in it fails the test."""
    stop, errors = threading.Event(), []

    def run() -> None:
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                changes = Traffic(connection, seed=seed)
                while not stop.wait(pause_seconds):
                    changes.step()
        except Exception as error:  # noqa: BLE001 - handed to the test
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert not errors, errors[0]


@pytest.mark.timeout(240)
def test_a_worker_killed_in_mid_batch_loses_nothing(
    installed, start: Start, erp_url: str, erp: psycopg.Connection
) -> None:
    """kill -9 at random moments under load, three times: the next worker takes up what the dead one held."""
    chance = random.Random(3)
    with traffic(erp_url):
        for _ in range(3):
            worker = start("run")
            worker.wait_for(r"\bready\b")
            time.sleep(chance.random() * 0.7)  # a random moment is what is tested
            worker.process.send_signal(signal.SIGKILL)
            worker.process.wait()
    start("run").wait_for(r"\bready\b")
    address = start("serve", "--port", "0").wait_for(r"Listening on (http://\S+)")[1]
    judge(erp, address)


@pytest.mark.timeout(240)
def test_two_workers_share_the_work_and_agree(installed, start: Start, erp_url: str, erp: psycopg.Connection) -> None:
    """Two workers and two streams of changes: every document equals the oracle, and both workers did something."""
    workers = [start("run"), start("run")]
    for worker in workers:
        worker.wait_for(r"\bready\b")
    address = start("serve", "--port", "0").wait_for(r"Listening on (http://\S+)")[1]
    with traffic(erp_url, 1), traffic(erp_url, 2):
        time.sleep(3)  # as long as the streams run
    judge(erp, address)
    assert all(worker.stop() == 0 for worker in workers)


@pytest.mark.timeout(240)
def test_no_reader_sees_a_document_go_back_or_torn(
    installed, start: Start, erp_url: str, erp: psycopg.Connection, redis_url: str
) -> None:
    """Each transaction writes one number into the product, a stock item and a price. A reader that polls the
    document meanwhile always finds the same number in all three sections, and never a smaller one, with four
    workers and rebuilds running beside each other."""
    erp.execute("UPDATE pricing_lists SET is_active = true, valid_from = NULL, valid_to = NULL")
    erp.execute("DELETE FROM product_prices WHERE product_id = 1")
    erp.execute(
        "INSERT INTO product_prices (product_id, pricing_list_id, price) SELECT 1, min(id), 0 FROM pricing_lists"
    )
    erp.execute("UPDATE inventory_items SET product_id = 2 WHERE product_id = 1")
    erp.execute(
        "INSERT INTO inventory_items (product_id, warehouse_id, quantity_on_hand) SELECT 1, min(id), 0 FROM warehouses"
    )
    erp.execute("UPDATE products SET weight = 0 WHERE id = 1")
    for _ in range(4):
        start("run").wait_for(r"\bready\b")
    wait_for_empty_queues(erp)
    with redis.Redis.from_url(redis_url) as client, _other_changes(erp_url):
        seen = _watch(client, erp_url, lambda: start("rebuild", "--entity", "product"))
    assert len(seen) > 50
    wait_for_empty_queues(erp)
    with redis.Redis.from_url(redis_url) as client:
        assert _numbers(client) == (WRITTEN, WRITTEN, WRITTEN)


WRITTEN = 800


def _watch(client: redis.Redis, url: str, rebuild) -> set[int]:
    writer = threading.Thread(target=_write_numbers, args=(url,))
    writer.start()
    last, seen, running = 0, set(), rebuild()
    while writer.is_alive():
        if running.process.poll() is not None:
            running = rebuild()
        numbers = _numbers(client)
        assert len(set(numbers)) == 1, f"torn: {numbers}"
        assert numbers[0] >= last, f"went back from {last} to {numbers[0]}"
        last = numbers[0]
        seen.add(last)
    return seen


@contextmanager
def _other_changes(url: str) -> Iterator[None]:
    """Changes of other products' rows, so that batches hold more than the one that is watched."""
    stop = threading.Event()

    def run() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not stop.wait(0.002):
                connection.execute("UPDATE inventory_items SET quantity_ordered = random() * 100 WHERE product_id > 1")
                connection.execute("UPDATE categories SET name = md5(random()::text) WHERE id = 1")

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _numbers(client: redis.Redis) -> tuple[int, ...]:
    product, inventory, pricing = client.hmget("bff:product:1:complete", "product", "inventory", "pricing")
    return (
        int(json.loads(product)["weight"]),
        int(json.loads(inventory)["total_quantity"]),
        int(json.loads(pricing)[0]["price"]),
    )


def _write_numbers(url: str) -> None:
    statements = (
        "UPDATE products SET weight = %s WHERE id = 1",
        "UPDATE inventory_items SET quantity_on_hand = %s WHERE product_id = 1",
        "UPDATE product_prices SET price = %s WHERE product_id = 1",
    )
    with psycopg.connect(url) as connection:
        for number in range(1, WRITTEN + 1):
            for statement in statements:
                connection.execute(statement, (number,))
            connection.commit()
            time.sleep(0.005)  # the pace of the writer


def test_a_stopping_worker_finishes_and_exits_cleanly(installed, start: Start, erp_url: str) -> None:
    """SIGTERM under load ends the worker with exit code 0 within its deadline."""
    worker = start("run")
    worker.wait_for(r"\bready\b")
    with traffic(erp_url):
        wait_until(lambda: "ready" in worker.output(), what="ready")
        began = time.monotonic()
        assert worker.stop() == 0
    assert time.monotonic() - began < 10
    assert "Traceback" not in worker.output()


@pytest.mark.timeout(180)
def test_what_waited_while_no_worker_ran_is_published(
    installed, start: Start, erp_url: str, erp: psycopg.Connection
) -> None:
    """The outbox keeps every event, the ERP works on, and the next worker takes up all of it."""
    first = start("run")
    first.wait_for(r"\bready\b")
    wait_for_empty_queues(erp)
    assert first.stop() == 0
    with psycopg.connect(erp_url, autocommit=True) as session:
        changes = Traffic(session, seed=4)
        for _ in range(1_500):
            changes.step()
    assert erp.execute("SELECT FROM projector.outbox").rowcount > 1_000
    start("run").wait_for(r"\bready\b")
    address = start("serve", "--port", "0").wait_for(r"Listening on (http://\S+)")[1]
    judge(erp, address)


def test_a_document_that_changed_a_thousand_times_while_queued_is_built_once(
    installed, start: Start, erp: psycopg.Connection, redis_url: str
) -> None:
    first = start("run")
    first.wait_for(r"\bready\b")
    wait_for_empty_queues(erp)
    assert first.stop() == 0
    (product,) = erp.execute("SELECT product_id FROM inventory_items WHERE id = 1").fetchone()
    for quantity in range(1_000):
        erp.execute("UPDATE inventory_items SET quantity_on_hand = %s WHERE id = 1", (quantity,))
    assert erp.execute("SELECT FROM projector.outbox").rowcount == 1_000
    with redis.Redis.from_url(redis_url) as client, client.monitor() as monitor:
        start("run").wait_for(r"\bready\b")
        wait_for_empty_queues(erp)
        client.echo("all published")
        commands = itertools.takewhile(lambda it: "all published" not in it["command"], monitor.listen())
        published = [it["command"] for it in commands if it["command"].startswith("EVALSHA")]
    assert len([command for command in published if f"bff:product:{product}:complete" in command]) == 1
