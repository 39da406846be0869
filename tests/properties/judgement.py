"""The judgement that ends every property test, as an assertion."""

from collections.abc import Iterable
from datetime import timedelta

import psycopg

from projector.faults.judgement import ZONE, compare, wait_for_empty_queues

__all__ = ["ZONE", "judge", "wait_for_empty_queues"]


def judge(
    connection: psycopg.Connection,
    address: str,
    gone: Iterable[str] = (),
    *,
    brief: bool = True,
    flags: bool = False,
    clock_offset: timedelta = timedelta(),
    timezone: str = ZONE,
) -> int:
    """Waits for empty queues and compares every document at one of its addresses, at all of them where not `brief`;
    returns the number of answers."""
    wait_for_empty_queues(connection)
    verdict = compare(connection, address, gone, brief=brief, flags=flags, clock_offset=clock_offset, timezone=timezone)
    assert not verdict.differences, str(verdict)
    return verdict.answers
