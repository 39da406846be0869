"""A worker that stands still (SIGSTOP, a frozen virtual machine) keeps its claims from the others for a while only."""

import signal
import time
from collections.abc import Iterator

import psycopg
import pytest
import redis

from projector.demo.processes import Command
from tests.conftest import Start
from tests.integration.test_crash import traffic
from tests.properties.judgement import judge, wait_for_empty_queues
from tests.waiting import wait_until

CLAIM_TIMEOUT_SECONDS = 3
HELD = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name LIKE 'projector % claim' AND state LIKE 'idle in%'"
)


def freeze_with_a_claim(worker: Command, erp: psycopg.Connection) -> None:
    """Stops the process at a moment at which it holds a claim and PostgreSQL waits for it."""

    def frozen() -> bool:
        worker.process.send_signal(signal.SIGSTOP)
        if erp.execute(HELD).fetchone() != (0,):
            time.sleep(0.1)  # what was still running on the server has ended
            if erp.execute(HELD).fetchone() != (0,):
                return True
        worker.process.send_signal(signal.SIGCONT)
        return False

    wait_until(frozen, what="a claim is held")


@pytest.fixture
def frozen(installed, start: Start, erp: psycopg.Connection, erp_url: str) -> Iterator[Command]:
    """A worker stopped in the middle of a batch, and nobody else at work."""
    worker = start("run", PROJECTOR_CLAIM_TIMEOUT_SECONDS=str(CLAIM_TIMEOUT_SECONDS))
    worker.wait_for(r"\bready\b")
    wait_for_empty_queues(erp)
    with traffic(erp_url, pause_seconds=0.005):
        freeze_with_a_claim(worker, erp)
    yield worker
    worker.process.send_signal(signal.SIGCONT)


@pytest.mark.timeout(240)
def test_others_take_over_what_a_frozen_worker_claimed_and_nothing_goes_back_when_it_wakes(
    frozen: Command, start: Start, erp: psycopg.Connection, redis_url: str
) -> None:
    start("run").wait_for(r"\bready\b")
    wait_for_empty_queues(erp, CLAIM_TIMEOUT_SECONDS + 12)
    address = start("serve", "--port", "0").wait_for(r"Listening on (http://\S+)")[1]
    judge(erp, address)
    with redis.Redis.from_url(redis_url) as client:
        before = _versions(client)
        frozen.process.send_signal(signal.SIGCONT)
        frozen.wait_for(r"lost[\s\S]*ready")
        after = _versions(client)
    assert not [name for name in before if after[name] < before[name]]
    erp.execute("UPDATE products SET name = 'after the thaw'")
    judge(erp, address)
    assert "Traceback" not in frozen.output()


def _versions(client: redis.Redis) -> dict[tuple[bytes, bytes], bytes]:
    return {
        (key, field): value
        for key in client.scan_iter("bff:*", count=1_000)
        for field, value in client.hgetall(key).items()
        if field.endswith(b"@")
    }


@pytest.mark.timeout(120)
def test_a_batch_that_takes_longer_than_the_claim_timeout_keeps_its_claim(
    installed, start: Start, erp: psycopg.Connection, erp_url: str
) -> None:
    """The claim gets signs of life while its batch is built."""
    worker = start("run", PROJECTOR_CLAIM_TIMEOUT_SECONDS="1")
    worker.wait_for(r"\bready\b")
    wait_for_empty_queues(erp)
    with psycopg.connect(erp_url) as locking:
        locking.execute("LOCK TABLE categories IN ACCESS EXCLUSIVE MODE")
        erp.execute("UPDATE products SET name = 'slowly' WHERE id = 1")
        wait_until(lambda: erp.execute(BLOCKED).fetchone() == (1,), what="the builder waits for three times as long")
    wait_for_empty_queues(erp)
    assert "trying again" not in worker.output()


BLOCKED = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name = 'projector live build' AND wait_event_type = 'Lock'"
    " AND query_start < clock_timestamp() - interval '3 seconds'"
)
