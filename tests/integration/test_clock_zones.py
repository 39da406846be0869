"""The business clock in zones whose days are not all alike: each section reads the same until its valid_until, and then
what the oracle computes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest
import redis

from projector.install import install
from projector.sections import load_documents
from projector.settings import Settings
from tests.conftest import Start
from tests.properties.judgement import judge, wait_for_empty_queues
from tests.waiting import wait_until


@dataclass(frozen=True)
class Turn:
    """A local day in a zone, and how many hours it has."""

    zone: str
    day: str
    hours: float

    def __str__(self) -> str:
        return f"{self.zone} {self.day}"

    @property
    def begins(self) -> datetime:
        return first_moment(self.zone, datetime.fromisoformat(self.day))

    @property
    def ends(self) -> datetime:
        return first_moment(self.zone, datetime.fromisoformat(self.day) + timedelta(days=1))


UNUSUAL = ("Africa/Cairo", "America/Havana", "Australia/Lord_Howe")
"""Whose midnight is skipped, comes twice, or moves by half an hour."""


def first_moment(zone: str, day: datetime) -> datetime:
    """The first instant whose local date is this day, found by asking every quarter of an hour."""
    at = (day - timedelta(hours=16)).replace(tzinfo=UTC)
    while at.astimezone(ZoneInfo(zone)).date() < day.date():
        at += timedelta(minutes=15)
    return at


TURNS = (
    Turn("Europe/Berlin", "2027-03-28", 23),
    Turn("Europe/Berlin", "2027-10-31", 25),
    Turn("America/Sao_Paulo", "2018-11-04", 23),  # midnight is skipped
    Turn("Africa/Cairo", "2027-04-30", 23),  # midnight is skipped
    Turn("America/Havana", "2027-11-07", 25),  # midnight comes twice
    Turn("Australia/Lord_Howe", "2027-10-03", 23.5),
    Turn("Asia/Kathmandu", "2027-06-01", 24),  # five hours and three quarters from UTC
    Turn("Asia/Baghdad", "2027-06-01", 24),
)


def prepare(erp: psycopg.Connection, turn: Turn) -> None:
    """Rows that change their meaning with this day: at its beginning, at its end, and with every hour around it."""
    erp.execute("UPDATE sales_invoices SET due_date = %s::date - id %% 3, status = 'PENDING'", (turn.day,))
    erp.execute(
        "UPDATE sales_orders SET expected_delivery_date = %s::date - id %% 3, status = 'CONFIRMED',"
        " created_at = %s + (id %% 300 - 150) * interval '30 minutes'",
        (turn.day, turn.begins),
    )
    erp.execute("UPDATE pricing_lists SET is_active = true, valid_from = NULL, valid_to = NULL")
    erp.execute("UPDATE pricing_lists SET valid_to = %s::date - 1 WHERE id = 1", (turn.day,))
    erp.execute("UPDATE pricing_lists SET valid_from = %s WHERE id = 2", (turn.day,))
    erp.execute("UPDATE pricing_lists SET valid_from = %s::date + 1 WHERE id = 3", (turn.day,))


@pytest.fixture(params=TURNS, ids=str)
def turn(request: pytest.FixtureRequest, settings: Settings, erp: psycopg.Connection) -> Turn:
    chosen: Turn = request.param
    prepare(erp, chosen)
    install(settings.model_copy(update={"timezone": chosen.zone}))
    return chosen


def read_clock_sections(
    erp: psycopg.Connection, moment: datetime
) -> Iterator[tuple[tuple[str, int, str], str, datetime]]:
    """Every row of every section of the clock as of a moment: its place, its text, and until when it stands."""
    with erp.transaction():
        erp.execute("SELECT set_config('projector.clock_offset', (%s - now())::text, true)", (moment,))
        assert erp.execute("SELECT projector.now()").fetchone() == (moment,)
        for document in load_documents():
            variant = "range" if document.by_range else "''"
            for section in [section for section in document.sections if section.reads_clock]:
                query = f"SELECT id, {variant}, value::text, valid_until FROM projector.{section.view}"
                for id_, date_range, value, valid_until in erp.execute(query):
                    yield (section.view, id_, date_range), value, valid_until


def test_a_day_has_the_hours_that_the_zone_says(turn: Turn, erp: psycopg.Connection) -> None:
    """And begins at the first instant that is called by its date."""
    assert turn.ends - turn.begins == timedelta(hours=turn.hours)
    query = "SELECT projector.midnight(%s), projector.midnight(%s::date + 1)"
    assert erp.execute(query, (turn.day, turn.day)).fetchone() == (turn.begins, turn.ends)


def test_every_section_reads_the_same_until_its_moment(turn: Turn, erp: psycopg.Connection) -> None:
    """Around the beginning and the end of the day: nothing changes by time alone that was not foretold, so that what
    timers rebuild is all that has to be rebuilt."""
    tick = timedelta(microseconds=1)
    for boundary in (turn.begins, turn.ends):
        long_before = {place: rest for place, *rest in read_clock_sections(erp, boundary - timedelta(hours=2))}
        before = {place: value for place, value, _ in read_clock_sections(erp, boundary - tick)}
        after = {place: value for place, value, _ in read_clock_sections(erp, boundary)}
        for place, (value, valid_until) in long_before.items():
            if valid_until is None or valid_until >= boundary:
                assert before[place] == value, f"{place} changed before its moment {valid_until}"
            if valid_until is None or valid_until > boundary:
                assert after[place] == value, f"{place} changed before its moment {valid_until}"
        assert before != after, "nothing depends on the day"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("turn", [it for it in TURNS if it.zone in UNUSUAL], ids=str, indirect=True)
def test_a_worker_that_was_down_at_midnight_catches_up_in_any_zone(
    turn: Turn, start: Start, erp: psycopg.Connection, redis_url: str
) -> None:
    """Built an hour before a day of unusual length begins, and again after it has ended."""

    def worker_at(moment: datetime) -> timedelta:
        offset = moment - datetime.now(UTC)
        clock = {"PROJECTOR_CLOCK_OFFSET_SECONDS": str(offset.total_seconds()), "PROJECTOR_TIMEZONE": turn.zone}
        workers.append(start("run", **clock))
        workers[-1].wait_for(r"\bready\b")
        return offset

    def day_is(moment: datetime) -> bool:
        period = client.hget(f"bff:dashboard:salesperson:{user}:today", "period")
        return period is not None and datetime.fromisoformat(json.loads(period)["start_date"]) == moment

    workers = []
    user = erp.execute("SELECT min(id) FROM projector.dashboard").fetchone()[0]
    address = start("serve", "--port", "0").wait_for(r"Listening on (http://\S+)")[1]
    with redis.Redis.from_url(redis_url) as client:
        for shown, moment in ((None, turn.begins - timedelta(hours=1)), (turn.begins, turn.ends - timedelta(hours=1))):
            offset = worker_at(moment)
            wait_until(lambda shown=shown: shown is None or day_is(shown), 30, "the day")
            wait_for_empty_queues(erp)
            judge(erp, address, clock_offset=offset, timezone=turn.zone)
            workers[-1].stop()
