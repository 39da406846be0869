"""A PostgreSQL that restarts, ends sessions, or takes no writes for a while: the worker is at work again in seconds."""

import signal
import time
from collections.abc import Iterator

import psycopg
import pytest
import redis

from projector.demo.processes import Command
from tests.conftest import Start
from tests.integration.test_crash import traffic
from tests.links import Proxy, postgres_proxy
from tests.properties.judgement import judge, wait_for_empty_queues
from tests.shown import wait_until_shown
from tests.waiting import wait_until

HEALED_SECONDS = 20.0
OURS = "datname = current_database() AND application_name LIKE 'projector %'"


@pytest.fixture
def worker(installed, start: Start, erp: psycopg.Connection) -> Command:
    it = start("run")
    it.wait_for(r"\bready\b")
    wait_for_empty_queues(erp)
    return it


@pytest.fixture
def through(erp_url: str) -> Iterator[tuple[Proxy, str]]:
    with postgres_proxy(erp_url) as it:
        yield it


def end_sessions(erp: psycopg.Connection, name: str) -> bool:
    """Whether there were any: the worker may just be connecting again."""
    ended = erp.execute(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE application_name LIKE %s AND datname = current_database()",
        (name,),
    ).fetchone()
    return ended != (0,)


@pytest.mark.timeout(240)
def test_single_connections_and_all_at_once_may_be_ended_under_load(
    worker: Command, start: Start, erp: psycopg.Connection, erp_url: str, redis_url: str
) -> None:
    with redis.Redis.from_url(redis_url) as client, traffic(erp_url, pause_seconds=0.02):
        for name in ("projector listen", "projector live build", "projector live claim", "projector %"):
            wait_until(lambda name=name: end_sessions(erp, name), HEALED_SECONDS, f"{name} is connected")
            wait_until_shown(erp, client, f"without {name}", HEALED_SECONDS)
    wait_for_empty_queues(erp, HEALED_SECONDS)
    assert "Traceback" not in worker.output()
    judge(erp, start("serve", "--port", "0").wait_for(r"Listening on (http://\S+)")[1])


@pytest.mark.timeout(120)
def test_a_database_that_takes_no_writes_is_told_of_and_used_again(worker: Command, erp: psycopg.Connection) -> None:
    """As behind a failover that led to a standby."""
    (database,) = erp.execute("SELECT current_database()").fetchone() or ("",)
    erp.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    erp.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OURS}")
    worker.wait_for(r"PostgreSQL is a standby and takes no writes, trying again .*error=\S.*remedy=\S")
    erp.execute(f"ALTER DATABASE {database} RESET default_transaction_read_only")
    erp.execute("UPDATE products SET name = 'written again' WHERE id = 1")
    wait_for_empty_queues(erp, HEALED_SECONDS)
    assert worker.process.poll() is None


@pytest.mark.timeout(120)
def test_a_worker_stops_in_time_while_everything_hangs(
    installed, start: Start, erp: psycopg.Connection, erp_url: str, through: tuple[Proxy, str]
) -> None:
    worker = start("run", PROJECTOR_DATABASE_URL=through[1], PROJECTOR_SHUTDOWN_SECONDS="2")
    worker.wait_for(r"\bready\b")
    wait_for_empty_queues(erp)
    through[0].swallow()
    erp.execute("UPDATE products SET name = 'never read'")
    began = time.monotonic()
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(15) == 0
    assert time.monotonic() - began < 2 + 5
    assert "it is taken up again" in worker.output()
