"""The clock is an event source: what only time changes, changes by itself at that moment."""

import json
from datetime import UTC, datetime, time, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

import psycopg
import pytest
import redis

from projector.database import connect_blocking
from projector.demo.erp import create_schema, generate
from projector.indexes import missing_indexes
from projector.install import install
from projector.settings import Settings
from tests.conftest import Start
from tests.properties.judgement import ZONE, judge, wait_for_empty_queues
from tests.waiting import wait_until

BEFORE_MIDNIGHT = timedelta(seconds=12)


def offset_to(moment: datetime, before: timedelta) -> timedelta:
    """How far the clock has to be moved to stand shortly before a moment."""
    return moment - before - datetime.now(UTC)


def next_midnight() -> datetime:
    tomorrow = datetime.now(ZoneInfo(ZONE)).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), ZoneInfo(ZONE))


@pytest.mark.timeout(240)
def test_midnight_changes_every_document_that_depends_on_the_day(
    installed, start: Start, erp: psycopg.Connection, redis_url: str
) -> None:
    """No row changes, only the day: dashboards' periods, overdue balances, late orders, days pending and price lists
    are then what the oracle computes for the new day."""
    today = datetime.now(ZoneInfo(ZONE)).date()
    erp.execute("UPDATE sales_invoices SET due_date = %s, status = 'PENDING' WHERE id <= 40", (today,))
    erp.execute("UPDATE sales_orders SET expected_delivery_date = %s, status = 'CONFIRMED' WHERE id <= 40", (today,))
    erp.execute("UPDATE pricing_lists SET valid_to = %s WHERE id = 1", (today,))
    erp.execute("UPDATE pricing_lists SET valid_from = %s WHERE id = 2", (today + timedelta(days=1),))
    offset = offset_to(next_midnight(), BEFORE_MIDNIGHT)
    clock = {"PROJECTOR_CLOCK_OFFSET_SECONDS": str(offset.total_seconds())}
    start("run", **clock).wait_for(r"\bready\b")
    address = start("serve", "--port", "0").wait_for(r"Listening on (http://\S+)")[1]
    user = erp.execute("SELECT min(id) FROM projector.dashboard").fetchone()[0]
    with redis.Redis.from_url(redis_url) as client:

        def day() -> str:
            period = client.hget(f"bff:dashboard:salesperson:{user}:today", "period")
            return json.loads(period)["start_date"] if period else ""

        before = wait_until(day, what="first build")
        assert datetime.fromisoformat(before) == next_midnight() - timedelta(days=1)
        wait_until(lambda: day() != before, 40, "the day changed")
    wait_for_empty_queues(erp)
    judge(erp, address, clock_offset=offset)


@pytest.mark.timeout(120)
def test_a_worker_that_was_down_at_midnight_catches_up(
    installed, start: Start, erp: psycopg.Connection, redis_url: str
) -> None:
    """Timers that fell due while nobody worked are taken first thing."""
    worker = start("run")
    worker.wait_for(r"\bready\b")
    wait_for_empty_queues(erp)
    address = start("serve", "--port", "0").wait_for(r"Listening on (http://\S+)")[1]
    judge(erp, address)
    worker.stop()
    offset = timedelta(days=2)
    start("run", PROJECTOR_CLOCK_OFFSET_SECONDS=str(offset.total_seconds())).wait_for(r"\bready\b")
    user = erp.execute("SELECT min(id) FROM projector.dashboard").fetchone()[0]
    with redis.Redis.from_url(redis_url) as client:
        expected = (next_midnight() + timedelta(days=1)).astimezone(UTC)

        def moved() -> bool:
            period = json.loads(client.hget(f"bff:dashboard:salesperson:{user}:today", "period"))
            return datetime.fromisoformat(period["start_date"]) == expected

        wait_until(moved, 30, "the day two days on")
    wait_for_empty_queues(erp)
    judge(erp, address, clock_offset=offset)


def test_timers_beyond_what_redis_scores_hold_are_not_lost(installed, start: Start, erp: psycopg.Connection) -> None:
    """Far-away due dates neither fail nor fire early."""
    erp.execute("UPDATE sales_invoices SET due_date = '9999-12-30', status = 'PENDING' WHERE id = 1")
    erp.execute("UPDATE sales_invoices SET due_date = 'infinity', status = 'PENDING' WHERE id = 2")
    worker = start("run")
    worker.wait_for(r"\bready\b")
    wait_for_empty_queues(erp)
    assert erp.execute("SELECT count(*) FROM projector.dead_letter").fetchone() == (0,)
    assert "Traceback" not in worker.output()


def clock(offset: timedelta) -> dict[str, str]:
    return {"PROJECTOR_CLOCK_OFFSET_SECONDS": str(offset.total_seconds()), "PROJECTOR_AUDIT_SHARE": "0"}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("while_running", [False, True], ids=["between two workers", "under a running worker"])
def test_a_clock_that_is_put_back_is_noticed(
    installed, start: Start, erp: psycopg.Connection, redis_url: str, while_running: bool
) -> None:
    """Documents that were built on what is tomorrow again show today, though no timer is due and no row changed."""
    address = start("serve", "--port", "0").wait_for(r"Listening on (http://\S+)")[1]
    tomorrow = timedelta(days=1)
    ahead = start("run", **clock(tomorrow))
    ahead.wait_for(r"\bready\b")
    wait_for_empty_queues(erp)
    judge(erp, address, clock_offset=tomorrow)
    if while_running:
        with redis.Redis.from_url(redis_url) as client:

            def told() -> bool:
                # As if its machine's clock had been ahead until now; the worker may just be writing its own.
                client.hincrby("projector:state", "clock", 3_600_000_000)
                return "the clock was put back" in ahead.output()

            wait_until(told, what="the worker says so")
        judge(erp, address, clock_offset=tomorrow)
        return
    ahead.stop()
    behind = start("run", **clock(timedelta()))
    behind.wait_for(r"the clock was put back")
    judge(erp, address)
    # It is said once.
    assert behind.output().count("the clock was put back") == 1


@pytest.mark.timeout(120)
def test_workers_whose_clocks_are_a_little_apart_do_not_fight(
    installed, start: Start, erp: psycopg.Connection, redis_url: str
) -> None:
    workers = [start("run", **clock(timedelta(seconds=seconds))) for seconds in (3, 0)]
    for worker in workers:
        worker.wait_for(r"\bready\b")
    wait_for_empty_queues(erp)
    with redis.Redis.from_url(redis_url) as client:
        seen = int(client.hget("projector:state", "clock"))
        wait_until(lambda: int(client.hget("projector:state", "clock")) > seen + 4_000_000, what="some seconds")
    assert all("put back" not in worker.output() for worker in workers)


@pytest.mark.timeout(240)
def test_thousands_of_timers_due_at_once_do_not_delay_fresh_changes(
    start: Start, database_url: str, redis_url: str
) -> None:
    """A worker comes up after a midnight: every change is visible within a second while it catches up."""
    settings = Settings(database_url=database_url, redis_url=redis_url)
    servers = {"PROJECTOR_DATABASE_URL": database_url}
    with psycopg.connect(database_url, autocommit=True) as erp, redis.Redis.from_url(redis_url) as client:
        create_schema(erp)
        generate(erp, scale=0.4)
        with connect_blocking(settings, "test") as connection:
            for index in missing_indexes(connection, "public"):
                connection.execute(index.statement.encode())
        install(settings)
        before = start("run", **servers, **clock(timedelta()))
        before.wait_for(r"\bready\b")
        wait_for_empty_queues(erp)
        erp.execute("UPDATE sales_invoices SET due_date = %s, status = 'PENDING'", (next_midnight().date(),))
        erp.execute("UPDATE sales_orders SET status = 'CONFIRMED', created_at = now()")
        wait_for_empty_queues(erp)
        idle = [delay(erp, client, number) for number in range(20)]
        before.stop()
        due = client.zcount("{projector}:timers", "-inf", (next_midnight().timestamp() + 2 * 86_400) * 1e6)
        assert due > 3000
        offset = timedelta(days=2)
        start("run", **servers, **clock(offset)).wait_for(r"\bready\b")
        meanwhile = []
        while len(meanwhile) < 20 or erp.execute("SELECT EXISTS (SELECT FROM projector.backlog)").fetchone()[0]:
            meanwhile.append(delay(erp, client, 100 + len(meanwhile)))
        assert sorted(meanwhile)[-2] < 1.0, f"idle {max(idle)}, while timers were due {sorted(meanwhile)[-5:]}"
        comparison = start("verify", **servers, **clock(offset))
        assert comparison.process.wait(60) == 0, comparison.output()


def delay(erp: psycopg.Connection, client: redis.Redis, number: int) -> float:
    """Seconds from the commit of one change until Redis shows it."""
    id_ = number % 300 + 1
    erp.execute("UPDATE products SET weight = %s WHERE id = %s", (number, id_))
    committed = perf_counter()
    wait_until(lambda: json.loads(client.hget(f"bff:product:{id_}:complete", "product"))["weight"] == number)
    return perf_counter() - committed
