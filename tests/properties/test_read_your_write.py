"""Whoever reads with the token of a transaction reads what it wrote, however transactions, workers and queues meet."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx
import psycopg
import pytest

from projector.settings import Settings
from tests.conftest import Start
from tests.properties.judgement import wait_for_empty_queues

WRITERS = 4
ROUNDS = 10
ATTEMPTS = 12


@dataclass(frozen=True)
class Write:
    """One statement with a text and a row's id, and where an answer shows the text."""

    statement: str
    path: str
    shown: Callable[[Any], Any]


def branch_names(data: Any) -> set[str]:
    return {item["branch_name"] for item in data["inventory"]["by_branch"]}


WRITES = {
    "a document": Write(
        "UPDATE products SET name = %s WHERE id = %s", "products/{id}/complete", lambda it: it["product"]["name"]
    ),
    "many documents": Write(
        "UPDATE customers SET name = %s WHERE id = %s", "orders/{order}/complete", lambda it: it["customer"]["name"]
    ),
    "one that takes long": Write(
        "UPDATE users SET name = %s WHERE id = %s",
        "salesperson/dashboard?salesperson_id={id}",
        lambda it: it["salesperson"]["name"],
    ),
    "a fan-out": Write(
        "UPDATE branches SET name = %s WHERE id = %s", "products/{product}/complete", lambda it: branch_names(it)
    ),
    "a paced document": Write(
        "UPDATE promotions SET title = %s WHERE id = %s",
        "home",
        lambda it: {promotion["title"] for promotion in it["promotions"]},
    ),
    "several documents": Write(
        "UPDATE customers SET name = %s WHERE id = %s",
        "batch?keys=customers/{id},customers/{id}/quick,orders/{order}",
        lambda it: {(item["status"], item["data"]["customer"]["name"]) for item in it["items"]},
    ),
}
"""By what a change of this kind leads to."""


class Writer:
    """One session of the ERP, with rows that nobody else writes; reads each write back."""

    def __init__(self, url: str, address: str, number: int, seed: int) -> None:
        self._random = Random(f"{seed} {number}")
        self._erp = psycopg.connect(url)
        self._http = httpx.Client(base_url=f"{address}/api/mobile", timeout=60)
        self._number = number
        self._committed: dict[str, str] = {}
        self._ids = self._prepare()

    def _prepare(self) -> dict[str, int]:
        id_ = self._number + 1
        with self._erp.transaction():
            row = self._erp.execute(
                "UPDATE sales_orders SET customer_id = %(id)s, created_by = %(id)s WHERE id = %(id)s RETURNING id",
                {"id": id_},
            ).fetchone()
            assert row is not None
            self._erp.execute("INSERT INTO branches (id, name) VALUES (%s, '') ON CONFLICT DO NOTHING", (90 + id_,))
            self._erp.execute(
                "INSERT INTO warehouses (id, branch_id, name) VALUES (%s, %s, '') ON CONFLICT DO NOTHING",
                (90 + id_, 90 + id_),
            )
            self._erp.execute(
                "INSERT INTO inventory_items (product_id, warehouse_id, quantity_on_hand)"
                " SELECT id, %s, 1 FROM products",
                (90 + id_,),
            )
            self._erp.execute(
                "INSERT INTO promotions (id, title, is_active, applies_to_home, priority)"
                " VALUES (%s, '', true, true, -1)",
                (90 + id_,),
            )
        return {"id": id_, "order": id_, "product": id_ + 10}

    def close(self) -> None:
        self._erp.close()
        self._http.close()

    def run(self) -> None:
        for round_ in range(ROUNDS):
            name = self._random.choice(list(WRITES))
            with ThreadPoolExecutor(1) as reading:
                self._write_and_read(name, WRITES[name], f"{self._number}.{round_}", reading)

    def _write_and_read(self, name: str, write: Write, text: str, reading: ThreadPoolExecutor) -> None:
        """Half of the readers come before the commit, and wait for it."""
        row = self._ids["id"] + (90 if "branches" in write.statement or "promotions" in write.statement else 0)
        commits, is_early = self._random.random() < 0.8, self._random.random() < 0.5
        with self._erp.transaction(force_rollback=not commits):
            if self._random.random() < 0.5:
                with self._erp.transaction(force_rollback=True):
                    self._erp.execute(write.statement.encode(), (f"{text} undone", row))
            with self._erp.transaction():
                self._erp.execute(write.statement.encode(), (text, row))
            token = self._erp.execute("SELECT projector.token()").fetchone()
            assert token is not None
            early = reading.submit(self._read, write, token[0]) if is_early else None
            time.sleep(self._random.choice((0, 0, 0.02, 0.1)))
        if commits:
            self._committed[write.statement] = text
        seen = early.result() if early else self._read(write, token[0])
        expected = self._committed.get(write.statement)
        assert expected is None or is_shown(expected, seen), f"{name}: {seen} without {expected} (token {token[0]})"

    def _read(self, write: Write, token: str) -> Any:
        path = write.path.format(**self._ids)
        return write.shown(read_after(self._http, f"{path}{'&' if '?' in path else '?'}after={token}"))


def read_after(http: httpx.Client, path: str) -> Any:
    """As clients do, again after a 504: on a machine that is busy with something else they are no fault."""
    answers = (http.get(path) for _ in range(ATTEMPTS))
    answer = next((it for it in answers if it.status_code not in (503, 504) and '"status":504' not in it.text), None)
    assert answer is not None, path
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def is_shown(text: str, seen: Any) -> bool:
    if isinstance(seen, set) and any(isinstance(it, tuple) for it in seen):
        return seen == {(200, text)}
    return text in seen if isinstance(seen, set) else bool(seen == text)


@contextmanager
def writers(url: str, address: str, seed: int) -> Iterator[list[Writer]]:
    made = [Writer(url, address, number, seed) for number in range(WRITERS)]
    try:
        yield made
    finally:
        for writer in made:
            writer.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("workers", [1, 3])
def test_a_reader_with_a_token_sees_what_was_written(
    installed: Settings, start: Start, erp: psycopg.Connection, workers: int
) -> None:
    """Four sessions write rows of their own, roll back, go back to savepoints and commit late; another one stays open
    all the time; workers share the work while everything is rebuilt, and the API has two processes."""
    environment = {"PROJECTOR_WIDE_FANOUT": "5", "PROJECTOR_API_AFTER_SECONDS": "10"}
    for _ in range(workers):
        start("run", **environment).wait_for(r"\bready\b")
    api = start("serve", "--port", "0", "--workers", "2", **environment)
    address = api.wait_for(r"Listening on (http://\S+)")[1]
    with psycopg.connect(installed.database()) as foreign, writers(installed.database(), address, workers) as made:
        wait_for_empty_queues(erp)
        foreign.execute("UPDATE products SET name = 'foreign' WHERE id = 20")
        token = foreign.execute("SELECT projector.token()").fetchone()
        assert token is not None
        rebuild = start("rebuild", **environment)
        with ThreadPoolExecutor(WRITERS) as pool:
            for done in [pool.submit(writer.run) for writer in made]:
                done.result()
        foreign.commit()
        with httpx.Client(base_url=f"{address}/api/mobile", timeout=60) as http:
            data = read_after(http, f"products/20/complete?after={token[0]}")
        assert data["product"]["name"] == "foreign"
        assert rebuild.process.wait(60) == 0
    assert "Traceback" not in api.output()
