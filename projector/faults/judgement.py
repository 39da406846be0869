"""The judgement: nothing waits, and every answer of the API is what an independent computation from the raw tables
says."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import psycopg

from projector.bench.keep_alive import KeepAlive, Reply
from projector.oracle import answers, differences, keys, load, parse

ZONE = "Asia/Baghdad"
QUEUES = "SELECT (SELECT count(*) FROM projector.outbox) + (SELECT count(*) FROM projector.backlog)"
_POLL_SECONDS = 0.02
_SHOWN = 25

Connection = psycopg.Connection[Any]


@dataclass(slots=True)
class Verdict:
    """How many documents were compared at how many addresses, and where an answer is not what it has to be."""

    documents: int = 0
    answers: int = 0
    differences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        shown = "\n".join(text[:400] for text in self.differences[:_SHOWN])
        return f"{len(self.differences)} differences in {self.answers} answers:\n{shown}"


class Waiting(AssertionError):
    """The queues did not become empty; the text says what is in them and what our sessions do."""


def wait_for_empty_queues(connection: Connection, seconds: float = 60) -> None:
    """Both queues empty means that all is published; Waiting where they are not within so many seconds."""
    deadline = time.monotonic() + seconds
    while not are_queues_empty(connection):
        if time.monotonic() > deadline:
            raise Waiting(f"outbox and backlog are not empty after {seconds} s; {what_waits(connection)}")
        time.sleep(_POLL_SECONDS)


def are_queues_empty(connection: Connection) -> bool:
    return connection.execute(QUEUES).fetchone() == (0,)


def what_waits(connection: Connection) -> str:
    """What is in the queues and what our sessions do, for whoever reads the failure."""
    rows = connection.execute(
        "SELECT concat_ws(' ', application_name, state, wait_event, left(query, 100)) FROM pg_stat_activity"
        " WHERE application_name LIKE 'projector%' OR wait_event_type = 'Lock'"
        " UNION ALL SELECT 'event ' || source FROM projector.outbox"
        " UNION ALL SELECT concat_ws(' ', document, ids, section, fanout) FROM projector.backlog"
    )
    return "; ".join(text for (text,) in rows.fetchmany(60))


def compare(
    connection: Connection,
    address: str,
    gone: Iterable[str] = (),
    *,
    brief: bool = False,
    flags: bool = False,
    clock_offset: timedelta = timedelta(),
    timezone: str = ZONE,
) -> Verdict:
    """Compares every document at all its addresses, or with `brief` at one of each.

    With `flags` every combination of include_… flags is an address, too. `gone` are keys of documents that existed
    once and may not any more: they must answer 404.
    """
    rows, verdict = load(connection), Verdict()
    now = datetime.now(UTC) + clock_offset
    with KeepAlive(urlsplit(address).port or 80) as client:
        for key in dict.fromkeys([*keys(rows), *gone]):
            verdict.documents += 1
            for path, expected in answers(rows, [key], now=now, timezone=timezone):
                if "include_" in path and not flags:
                    continue
                verdict.answers += 1
                verdict.differences += [f"{path}: {fault}" for fault in _faults(client.get(path), expected)]
                if brief:
                    break
    return verdict


def _faults(reply: Reply, expected: Any) -> Iterator[str]:
    if expected is None:
        if reply.status != 404:
            yield f"expected 404, got {reply.status}"
    elif reply.status != 200:
        yield f"{reply.status} {reply.body[:200].decode(errors='replace')}"
    else:
        yield from differences(expected, parse(reply.body)["data"])
