"""The wake-up handshake: no commit is missed by a worker that relies on notifications alone."""

import random
import threading
import time

import psycopg
import pytest
import redis

from tests.conftest import Start
from tests.waiting import wait_until

NO_POLLING = {"PROJECTOR_POLL_INTERVAL_SECONDS": "60"}
AT_ONCE_SECONDS = 15.0
"""Far below the poll interval: only a notification, or the handshake's own polling, can have told."""


def shown_name(client: redis.Redis, id_: int) -> bytes:
    return client.hget(f"bff:product:{id_}:complete", "product") or b""


def asleep(erp: psycopg.Connection) -> bool:
    return erp.execute("SELECT pg_sequence_last_value('projector.asleep')").fetchone() == (2,)


@pytest.mark.timeout(240)
def test_commits_with_random_delays_are_all_noticed(
    installed, start: Start, erp_url: str, erp: psycopg.Connection, redis_url: str
) -> None:
    """Writers hold their transactions for random times around the worker's falling asleep. Each commit is followed
    by silence, so that a missed wake-up stays missed until the poll interval."""
    start("run", **NO_POLLING).wait_for(r"\bready\b")
    chance = random.Random(5)
    with redis.Redis.from_url(redis_url) as client:
        wait_until(lambda: shown_name(client, 10), what="first build")
        for number in range(40):
            names = {id_: f"wakeup {number} {id_}" for id_ in range(1, 5)}
            writers = [
                threading.Thread(
                    target=_write, args=(erp_url, id_, name, chance.random() * 0.25, chance.random() * 0.25)
                )
                for id_, name in names.items()
            ]
            for writer in writers:
                writer.start()
            for writer in writers:
                writer.join()
            for id_, name in names.items():
                wait_until(lambda id_=id_, name=name: name.encode() in shown_name(client, id_), AT_ONCE_SECONDS, name)


def _write(url: str, id_: int, name: str, before: float, after: float) -> None:
    time.sleep(before)  # the random delay is what is tested
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE products SET name = %s WHERE id = %s", (name, id_))
        time.sleep(after)


def test_a_transaction_that_outlasts_falling_asleep_is_noticed(
    installed, start: Start, erp_url: str, erp: psycopg.Connection, redis_url: str
) -> None:
    """A writer that read 'awake' and commits after the worker set the flag is older than the flag's xid: the worker
    polls until it ends."""
    start("run", **NO_POLLING).wait_for(r"\bready\b")
    with redis.Redis.from_url(redis_url) as client, psycopg.connect(erp_url) as slow:
        wait_until(lambda: asleep(erp) and shown_name(client, 1), what="asleep")
        erp.execute("SELECT setval('projector.asleep', 1)")  # as a writer reads it while a worker is busy
        slow.execute("UPDATE products SET name = 'late commit' WHERE id = 1")
        erp.execute("SELECT setval('projector.asleep', 2)")
        start("run", **NO_POLLING).wait_for(r"\bready\b")  # falls asleep while the writer is open
        slow.commit()
        wait_until(lambda: b"late commit" in shown_name(client, 1), AT_ONCE_SECONDS, "late commit")


def test_a_busy_worker_is_not_notified(installed, start: Start, erp_url: str, erp: psycopg.Connection) -> None:
    """Under a stream of changes the flag says awake nearly all the time, so writers do not notify."""
    start("run").wait_for(r"\bready\b")
    with psycopg.connect(erp_url, autocommit=True) as listener:
        _change(erp, 1_000)
        listener.execute("LISTEN projector_wakeup")
        _change(erp, 2_000)
        notified = sum(1 for _ in listener.notifies(timeout=0.2))
    assert notified < 200


def test_changes_that_come_alone_are_notified_however_many_documents_they_touch(
    installed, start: Start, erp_url: str, erp: psycopg.Connection, redis_url: str
) -> None:
    """Each comes when the last one is shown. That is no pressure, under which a worker rests before each claim."""
    start("run").wait_for(r"\bready\b")
    keys = ("bff:product:1:complete", "inventory"), ("bff:product:1:detail", "stock")
    with redis.Redis.from_url(redis_url) as client, psycopg.connect(erp_url, autocommit=True) as listener:
        wait_until(lambda: asleep(erp) and shown_name(client, 1), what="asleep")
        (item,) = erp.execute("SELECT min(id) FROM inventory_items WHERE product_id = 1").fetchone() or (0,)
        listener.execute("LISTEN projector_wakeup")
        for number in range(30):
            before = [client.hget(*key) for key in keys]
            erp.execute("UPDATE inventory_items SET quantity_on_hand = %s WHERE id = %s", (1_000 + number, item))
            wait_until(
                lambda before=before: all(old != client.hget(*key) for old, key in zip(before, keys, strict=True))
            )
        notified = sum(1 for _ in listener.notifies(timeout=0.2))
    assert notified >= 25


def _change(erp: psycopg.Connection, times: int) -> None:
    for number in range(times):
        erp.execute("UPDATE inventory_items SET quantity_on_hand = %s WHERE id = %s", (number, number % 80 + 1))
