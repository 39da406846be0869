"""A Redis that refuses or hangs: the worker says what is wrong and what to do, and goes on by itself."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest
import redis
from pydantic import SecretStr

from projector.demo.processes import Command
from projector.demo.servers import embedded_redis
from projector.settings import Settings
from projector.status import read_status
from tests.conftest import Start
from tests.links import Proxy, redis_proxy
from tests.properties.judgement import judge, wait_for_empty_queues
from tests.waiting import wait_until

HEALED_SECONDS = 20.0


class Site:
    """A worker and an API on a Redis of the test's own, the worker behind a proxy."""

    def __init__(
        self, installed: Settings, start: Start, url: str, proxy: Proxy, through: str, **settings: str
    ) -> None:
        self.proxy = proxy
        self.settings = installed.model_copy(update={"redis_url": SecretStr(url)})
        self.redis = redis.Redis.from_url(url)
        environment = {"PROJECTOR_REDIS_URL": through, "PROJECTOR_REDIS_TIMEOUT_SECONDS": "2", **settings}
        self.worker: Command = start("run", **environment)
        self.worker.wait_for(r"\bready\b")
        self.address = start("serve", "--port", "0", PROJECTOR_REDIS_URL=url).wait_for(r"Listening on (http://\S+)")[1]


@pytest.fixture
def site(installed: Settings, start: Start, erp: psycopg.Connection) -> Iterator[Site]:
    with ExitStack() as stack:
        url = stack.enter_context(embedded_redis())
        with redis.Redis.from_url(url) as client:
            client.config_set("maxmemory-policy", "noeviction")
        it = Site(installed, start, url, *stack.enter_context(redis_proxy(url)))
        stack.enter_context(it.redis)
        wait_for_empty_queues(erp)
        yield it
        it.worker.stop()


def name_of(site: Site) -> bytes:
    return site.redis.hget("bff:product:1:complete", "product") or b""


def change(erp: psycopg.Connection, name: str) -> None:
    erp.execute("UPDATE products SET name = %s", (name,))


Break = Callable[[redis.Redis], object]
REFUSALS: dict[str, tuple[Break, Break, str, str]] = {
    "full": (
        lambda it: it.config_set("maxmemory", 1),
        lambda it: it.config_set("maxmemory", 0),
        "Redis is full",
        "Redis is full",
    ),
    "read only": (
        lambda it: it.replicaof("127.0.0.1", "1"),
        lambda it: it.replicaof("NO", "ONE"),
        "Redis (is|was made) a read-only replica",
        "Redis is a read-only replica",
    ),
    "no replicas": (
        lambda it: it.config_set("min-replicas-to-write", 1),
        lambda it: it.config_set("min-replicas-to-write", 0),
        "Redis has too few replicas",
        "",
    ),
    "no right": (
        lambda it: it.execute_command("ACL SETUSER default -evalsha"),
        lambda it: it.execute_command("ACL SETUSER default +evalsha"),
        "Redis refuses a command",
        "",
    ),
}


@pytest.mark.timeout(240)
def test_a_redis_that_refuses_is_told_of_and_used_again_when_it_takes_writes(
    site: Site, erp: psycopg.Connection
) -> None:
    """Readers get the old documents meanwhile, and all of them are right soon after the cause is gone."""
    for name, (break_, mend, line, problem) in REFUSALS.items():
        break_(site.redis)
        change(erp, f"refused: {name}")
        site.worker.wait_for(rf"{line}[^\n]*, trying again [^\n]*error=\S[^\n]* remedy=\S")
        assert f"refused: {name}".encode() not in name_of(site)
        if problem:
            assert problem in " ".join(asyncio.run(read_status(site.settings)).problems)
        mend(site.redis)
        wait_for_empty_queues(erp, HEALED_SECONDS)
        assert f"refused: {name}".encode() in name_of(site)
    assert "Traceback" not in site.worker.output()
    assert len(site.worker.output().splitlines()) < 60
    judge(erp, site.address)


@pytest.mark.timeout(240)
def test_a_redis_connection_that_hangs_or_is_killed_is_replaced(site: Site, erp: psycopg.Connection) -> None:
    site.proxy.swallow()
    change(erp, "swallowed")
    site.worker.wait_for(r"connection lost, trying again [^\n]*error=\S+ [^\n]*")
    site.proxy.serve()
    wait_for_empty_queues(erp, HEALED_SECONDS)
    for number in range(5):
        site.redis.client_kill_filter(_type="normal", skipme=True)
        change(erp, f"killed {number}")
    wait_for_empty_queues(erp, HEALED_SECONDS)
    judge(erp, site.address)


@pytest.mark.timeout(240)
def test_a_batch_is_acknowledged_only_when_the_wanted_replicas_have_it(
    installed: Settings, start: Start, erp: psycopg.Connection
) -> None:
    """PROJECTOR_REDIS_WAIT_REPLICAS=1: without a replica nothing is acknowledged, with one everything is."""
    with ExitStack() as stack:
        url, copy_url = (stack.enter_context(embedded_redis()) for _ in range(2))
        through = stack.enter_context(redis_proxy(url))
        site = Site(installed, start, url, *through, PROJECTOR_REDIS_WAIT_REPLICAS="1")
        site.redis.config_set("repl-diskless-sync-delay", 0)  # it would wait five seconds for more replicas
        copy = stack.enter_context(redis.Redis.from_url(copy_url))
        stack.enter_context(site.redis)
        site.worker.wait_for("Redis has too few replicas")
        assert erp.execute("SELECT count(*) > 0 FROM projector.backlog").fetchone() == (True,)
        copy.replicaof("127.0.0.1", str(site.redis.get_connection_kwargs()["port"]))
        wait_until(lambda: copy.info("replication").get("master_link_status") == "up", what="the replica follows")
        wait_for_empty_queues(erp)
        change(erp, "replicated")
        wait_for_empty_queues(erp)
        assert b"replicated" in copy.hget("bff:product:1:complete", "product")
        site.worker.stop()
