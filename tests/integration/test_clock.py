"""The clock is an event source: what only time changes, changes by itself at that moment."""

import json
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest
import redis

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
