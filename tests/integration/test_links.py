"""Connections to PostgreSQL that hang without closing: whoever waits on one notices, and everything heals by itself."""

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
"""The promise is 15; a laden machine gets some more."""
PURPOSES = ("guard", "live claim", "listen")


@pytest.fixture
def through(erp_url: str) -> Iterator[tuple[Proxy, str]]:
    with postgres_proxy(erp_url) as it:
        yield it


@pytest.fixture
def worker(installed, through: tuple[Proxy, str], start: Start, erp: psycopg.Connection) -> Command:
    """A worker behind a proxy, with everything built."""
    it = start("run", PROJECTOR_DATABASE_URL=through[1])
    it.wait_for(r"\bready\b")
    wait_for_empty_queues(erp)
    return it


@pytest.mark.timeout(300)
def test_a_connection_of_any_kind_that_hangs_is_noticed_and_replaced(
    worker: Command, through: tuple[Proxy, str], erp: psycopg.Connection, erp_url: str, start: Start, redis_url: str
) -> None:
    """One kind after the other is swallowed under load. The server never hears that we have given them up."""
    with redis.Redis.from_url(redis_url) as client, traffic(erp_url, pause_seconds=0.02):
        for purpose in PURPOSES:
            sessions = worker.output().count(" ready")
            assert through[0].swallow(f"projector {purpose}\0".encode())
            wait_until(lambda: worker.output().count(" ready") > sessions, HEALED_SECONDS, f"{purpose} was noticed")  # noqa: B023
            wait_until_shown(erp, client, f"without {purpose}", HEALED_SECONDS)
    assert "Traceback" not in worker.output()
    judge(erp, start("serve", "--port", "0").wait_for(r"Listening on (http://\S+)")[1])
