"""The judgement that ends every property test: nothing waits, and every answer of the API is what an independent
computation from the raw tables says."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import httpx
import psycopg

from projector.oracle import answers, differences, keys, load, parse
from tests.waiting import wait_until

ZONE = "Asia/Baghdad"
QUEUES = "SELECT (SELECT count(*) FROM projector.outbox) + (SELECT count(*) FROM projector.backlog)"


def wait_for_empty_queues(connection: psycopg.Connection, seconds: float = 60) -> None:
    """Both queues empty means that all is published."""

    def empty() -> bool:
        row = connection.execute(QUEUES).fetchone()
        return row == (0,)

    try:
        wait_until(empty, seconds, "outbox and backlog are empty")
    except AssertionError as error:
        raise AssertionError(f"{error}; {_what_waits(connection)}") from None


def _what_waits(connection: psycopg.Connection) -> str:
    """What is in the queues and what our sessions do, for whoever reads the failure."""
    rows = connection.execute(
        "SELECT 'event ' || source FROM projector.outbox UNION ALL SELECT concat_ws(' ', document, id, section, fanout)"
        " FROM projector.backlog UNION ALL SELECT concat_ws(' ', application_name, state, wait_event, left(query, 100))"
        " FROM pg_stat_activity WHERE application_name LIKE 'projector%' OR wait_event_type = 'Lock'"
    )
    return "; ".join(text for (text,) in rows.fetchmany(60))


def judge(
    connection: psycopg.Connection,
    address: str,
    gone: Iterable[str] = (),
    *,
    flags: bool = False,
    clock_offset: timedelta = timedelta(),
    timezone: str = ZONE,
) -> int:
    """Compares every document at all its addresses; returns the number of answers compared.

    With `flags` every combination of include_… flags is an address, too. `gone` are keys of documents that existed
    once and may not any more: they must answer 404.
    """
    wait_for_empty_queues(connection)
    rows = load(connection)
    now = datetime.now(UTC) + clock_offset
    compared = 0
    faults: list[str] = []
    with httpx.Client(base_url=address, timeout=10) as client:
        for path, expected in answers(rows, [*keys(rows), *gone], now=now, timezone=timezone):
            if "include_" in path and not flags:
                continue
            answer = client.get(path)
            compared += 1
            if expected is None:
                if answer.status_code != 404:
                    faults.append(f"{path}: expected 404, got {answer.status_code}")
            elif answer.status_code != 200:
                faults.append(f"{path}: {answer.status_code} {answer.text[:200]}")
            else:
                faults += [f"{path}: {fault}" for fault in differences(expected, parse(answer.content)["data"])]
    shown = "\n".join(fault[:400] for fault in faults[:25])
    assert not faults, f"{len(faults)} differences in {compared} answers:\n{shown}"
    return compared
