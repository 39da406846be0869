"""A steady stream of small changes from a process of its own, until SIGTERM; then it says how many there were.

erp URL RATE              single-row updates a second, each its own transaction, in turn over the tables
documents URL RATE FILE   fenced publishes a second of one section of the products whose ids the file lists
"""

import asyncio
import itertools
import json
import signal
import sys
import time
from collections.abc import Awaitable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import cast

import psycopg
import redis.asyncio
import uvloop

from projector.bench.helper import say
from projector.names import document_key
from projector.publish import Publisher
from projector.work import Built, Version

UPDATES = (
    ("inventory_items", "quantity_reserved = coalesce(quantity_reserved, 0) + 1"),
    ("product_prices", "price = coalesce(price, 0) + 1"),
    ("products", "unit_price = least(coalesce(unit_price, 0) + 1, 500000)"),
    ("customers", "phone = md5(coalesce(phone, ''))"),
    ("sales_orders", "paid_amount = coalesce(paid_amount, 0) + 1"),
    ("sales_invoices", "paid_amount = coalesce(paid_amount, 0) + 1"),
    ("sales_items", "discount_amount = coalesce(discount_amount, 0) + 1"),
    ("reviews", "title = md5(coalesce(title, ''))"),
)
STRIDE = 7_919
"""A prime: ids follow one another far apart."""
_SESSIONS = 4
"""One alone would wait for the disk most of the time."""
_BATCH = 5
_FAR_EPOCH = 1_000
"""Newer than anything that was built."""

_stopped: list[int] = []


def change_erp(url: str, rate: float) -> int:
    """Commits `rate` updates a second, or as many as it can; returns how many."""
    with ThreadPoolExecutor(_SESSIONS) as pool:
        ready = Barrier(_SESSIONS, lambda: say(ready=True))
        return sum(pool.map(lambda place: _change_in_turn(url, rate / _SESSIONS, place, ready), range(_SESSIONS)))


def _change_in_turn(url: str, rate: float, place: int, ready: Barrier) -> int:
    """One ERP session; the sessions divide the numbers among them."""
    with psycopg.connect(url, autocommit=True) as connection:
        updates = [(table, change, last_id(connection, table)) for table, change in UPDATES]
        ready.wait()
        for turn in _paced(rate):
            number = turn * _SESSIONS + place
            table, change, last = updates[number * STRIDE % len(updates)]
            id_ = number * STRIDE % last + 1
            connection.execute(f"UPDATE {table} SET {change} WHERE id = %s".encode(), (id_,), prepare=True)
        return turn + 1


def last_id(connection: psycopg.Connection, table: str) -> int:
    """The highest id of a table of the ERP."""
    row = connection.execute(f"SELECT max(id) FROM {table}".encode()).fetchone()
    return int(row[0]) if row else 1


def _paced(rate: float) -> Iterator[int]:
    """Numbers at their moments; late ones at once."""
    began = time.monotonic()
    for number in itertools.count():
        yield number
        if _stopped:
            return
        time.sleep(max(0.0, began + (number + 1) / rate - time.monotonic()))


async def change_documents(url: str, rate: float, ids: list[int]) -> int:
    """Publishes `rate` documents a second with other bytes than before; returns how many."""
    client = redis.asyncio.Redis.from_url(url)
    publisher = Publisher(client, 3600)
    await publisher.load_scripts()
    stored = {id_: await _read_inventory(client, id_) for id_ in ids}
    turns = itertools.cycle(ids)
    changed, sent, began = 0, 0, time.monotonic()
    say(ready=True)
    while not _stopped:
        now = int(time.time() * 1e6)
        built = Built(Version(_FAR_EPOCH, now, now))
        for id_ in itertools.islice(turns, _BATCH):
            stored[id_] = _toggle(stored[id_])
            built.sections[document_key("product", id_)] = [b"inventory", stored[id_]]
        changed += (await publisher.publish(built)).changed
        sent += len(built.sections)
        await asyncio.sleep(max(0.0, began + sent / rate - time.monotonic()))
    await client.aclose()
    return changed


async def _read_inventory(client: redis.asyncio.Redis, id_: int) -> bytes:
    (value,) = await cast("Awaitable[list[bytes | None]]", client.hmget(document_key("product", id_), ["inventory"]))
    return value or b"null"


def _toggle(body: bytes) -> bytes:
    """Other bytes, and the same JSON."""
    return body[:-1] if body.endswith(b" ") else body + b" "


def main() -> None:
    """Says that it is ready, changes, and says how much it did."""
    signal.signal(signal.SIGTERM, lambda *_: _stopped.append(1))
    kind, url, rate, *more = sys.argv[1:]
    began = time.monotonic()
    if kind == "erp":
        changes = change_erp(url, float(rate))
    else:
        changes = uvloop.run(change_documents(url, float(rate), json.loads(Path(more[0]).read_text())))
    say(changes=changes, seconds=time.monotonic() - began)


if __name__ == "__main__":
    main()
