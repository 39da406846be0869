"""Redis may be a cluster: three shards without replicas, one of which is lost and comes back, and slots that move.
Worker and API come as the users that `check --redis-acl` makes.
"""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import psycopg
import pytest
from redis.crc import key_slot

from projector.check import check
from projector.demo.erp import create_schema
from projector.demo.processes import Command
from projector.faults.mutations import interleave, seed_rows
from projector.install import install
from projector.names import DOCUMENTS, document_key
from projector.redis_acl import API, WORKER
from projector.redis_server import FAILURES, open_redis
from projector.remove import forget_documents
from projector.settings import Settings
from projector.shards import cluster_state_keys
from projector.status import read_status
from projector.verify import verify
from projector.why import explain
from tests.cluster import ClusterServer, ShardServer, embedded_cluster
from tests.conftest import Postgres
from tests.forked import ForkedCommand
from tests.properties.judgement import judge, wait_for_empty_queues
from tests.waiting import wait_until


@dataclass(frozen=True)
class Site:
    """A worker and an API on a cluster, and an ERP in which nearly every column holds something nasty."""

    cluster: ClusterServer
    settings: Settings
    worker: Command
    api: httpx.Client
    erp: psycopg.Connection

    def judge(self) -> int:
        return judge(self.erp, str(self.api.base_url).rstrip("/"))

    def product(self, id_: int) -> httpx.Response:
        return self.api.get(f"/api/mobile/products/{id_}/complete")

    def customer(self, id_: int) -> httpx.Response:
        return self.api.get(f"/api/mobile/customers/{id_}/quick")

    def shows(self, id_: int, name: str) -> set[int]:
        """Renames a product and waits until the API has it; the statuses that it answered with meanwhile."""
        statuses = set()

        def is_shown() -> bool:
            answer = self.product(id_)
            statuses.add(answer.status_code)
            return name in answer.text

        self.erp.execute("UPDATE products SET name = %s WHERE id = %s", (name, id_))
        wait_until(is_shown, what=f"{name!r} is shown")
        return statuses

    def ids_of(self, shard: ShardServer, document: str) -> list[int]:
        """The ids that exist of the documents in a shard."""
        ids = [id_ for (id_,) in self.erp.execute(f"SELECT id FROM projector.{document} ORDER BY id")]
        return [id_ for id_ in ids if self.cluster.of(document_key(document, id_)) is shard]


@pytest.fixture(scope="module")
def site(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("cluster")
    with (
        embedded_cluster(folder / "redis") as cluster,
        postgres.fresh_database() as url,
        psycopg.connect(url, autocommit=True) as erp,
    ):
        create_schema(erp)
        with psycopg.connect(url) as connection:
            seed_rows(connection, 7)
        settings = Settings(database_url=url, redis_url=cluster.url(WORKER))
        install(settings)
        environment = {"PROJECTOR_DATABASE_URL": url, "PROJECTOR_REDIS_URL": cluster.url(WORKER)}
        worker = ForkedCommand(["run"], environment, folder / "run.log")
        # One server is enough to find the others.
        one = {"PROJECTOR_REDIS_URL": cluster.url(API, cluster.shards[2])}
        one |= {"PROJECTOR_API_REDIS_TIMEOUT_SECONDS": "5", "PROJECTOR_API_AFTER_SECONDS": "25"}
        server = ForkedCommand(["serve", "--port", "0"], environment | one, folder / "serve.log")
        try:
            worker.wait_for(r"\bready\b")
            address = server.wait_for(r"Listening on (http://\S+)")[1]
            with httpx.Client(base_url=address) as api:
                yield Site(cluster, settings, worker, api, erp)
            assert "Traceback" not in worker.output() + server.output()
            assert cluster.denied() == []
        finally:
            worker.stop()
            server.stop()


def test_documents_of_the_first_build_lie_in_all_shards(site: Site) -> None:
    assert site.judge() > 150
    assert all(len(shard.client.keys("bff:*")) > 20 for shard in site.cluster.shards)


def test_a_change_in_any_shard_reaches_the_near_cache(site: Site) -> None:
    for shard in site.cluster.shards:
        id_ = site.ids_of(shard, "product")[0]
        wait_until(lambda id_=id_: site.product(id_).headers["etag"] == site.product(id_).headers["etag"], what="kept")
        site.shows(id_, f"changed {id_}")


def test_a_document_in_any_shard_is_read_with_the_token_of_its_change(site: Site) -> None:
    for shard in site.cluster.shards:
        id_ = site.ids_of(shard, "product")[1]
        with site.erp.transaction():
            site.erp.execute("UPDATE products SET name = %s WHERE id = %s", (f"written {id_}", id_))
            (token,) = site.erp.execute("SELECT projector.token()").fetchone() or ("",)
        answer = site.api.get(f"/api/mobile/products/{id_}/complete?after={token}", timeout=30)
        assert (answer.status_code, f"written {id_}" in answer.text) == (200, True)


def test_the_commands_see_all_shards(site: Site) -> None:
    wait_for_empty_queues(site.erp)
    report = asyncio.run(verify(site.settings, DOCUMENTS))
    assert report.compared > 100
    assert report.differences == []

    def built() -> bool:
        # The worker says so within its next second.
        status = asyncio.run(read_status(site.settings))
        return (status.built, status.timers > 0) == (dict.fromkeys(DOCUMENTS, True), True)

    wait_until(built, what="all kinds are built")
    for shard in site.cluster.shards:
        assert asyncio.run(explain(site.settings, "product", site.ids_of(shard, "product")[0])).sections
    assert site.cluster.denied() == []
    redis_findings = [finding for finding in check(site.settings).findings if finding.subject.startswith("redis")]
    assert [str(finding.level) for finding in redis_findings] == [str(redis_findings[0].level)] * 6


def test_a_slot_that_moves_is_followed(site: Site) -> None:
    """A document's slot, and that of its shard's state: no document is missed, and nothing taken for lost."""
    cluster, id_ = site.cluster, site.ids_of(site.cluster.shards[0], "product")[0]
    source, target = cluster.shards[0], cluster.shards[1]
    slots = [key_slot(document_key("product", id_).encode()), next(iter(cluster_state_keys()))]
    for slot in slots:
        cluster.begin_move(slot, source, target)
    assert site.shows(id_, "half moved") == {200}
    for slot in slots:
        cluster.end_move(slot, source, target)
    site.shows(id_, "moved")
    assert target.client.hget(document_key("product", id_), "product")
    for slot in slots:
        cluster.begin_move(slot, target, source)
        cluster.end_move(slot, target, source)
    site.shows(id_, "moved back")
    site.judge()
    assert "shard of Redis is empty" not in site.worker.output()
    assert "connection lost" not in site.worker.output()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("comes_back", ["empty", "older"])
def test_a_shard_that_is_lost_and_comes_back_is_filled_again(site: Site, comes_back: str) -> None:
    """Meanwhile what it held is stale or a 503, and what others hold is answered, unless the cluster refuses all."""
    lost = site.cluster.shards[0 if comes_back == "empty" else 2]
    kept, changed = (site.ids_of(lost, document)[0] for document in ("product", "customer"))
    if comes_back == "older":
        lost.save()
        for shard in site.cluster.shards:
            shard.client.config_set("cluster-require-full-coverage", "yes")
    assert site.product(kept).status_code == 200
    site.erp.execute("UPDATE customers SET name = %s", (f"before it came back {comes_back}",))
    wait_for_empty_queues(site.erp)
    lost.kill()
    site.erp.execute("UPDATE customers SET name = 'meanwhile'")
    wait_until(lambda: '"stale":true' in site.product(kept).text, what="an answer that was kept is stale")
    wait_until(lambda: site.customer(changed).status_code == 503, what="there is none of what has changed")
    if comes_back == "empty":
        assert site.product(site.ids_of(site.cluster.shards[1], "product")[0]).status_code == 200
    assert site.api.get("/api/mobile/ready").json()["details"]["waiting_for"] == ["redis"]
    lost.start()
    said = {"empty": "a shard of Redis is empty", "older": "Redis went back to older documents"}[comes_back]
    statuses = set()
    deadline = time.monotonic() + 60
    while said not in site.worker.output() or site.api.get("/api/mobile/ready").status_code != 200:
        statuses |= {site.product(kept).status_code, site.customer(changed).status_code}
        assert time.monotonic() < deadline, site.worker.output()
    assert statuses <= {200, 503}
    site.judge()


def test_a_replica_that_takes_over_is_followed(site: Site) -> None:
    """It holds what the primary held: nothing has to be built again."""
    lost = site.cluster.shards[1]
    id_ = site.ids_of(lost, "product")[0]
    rebuilds = site.worker.output().count("everything is")
    replica = site.cluster.add_replica(lost)
    site.shows(id_, "before the failover")
    lost.kill()
    # Without an election: where slots were moved by hand the others may refuse it their votes.
    replica.client.execute_command("CLUSTER", "FAILOVER", "TAKEOVER")
    site.cluster.shards[1] = replica
    hearers = ("PUBSUB", "NUMSUB", "projector:changes")
    wait_until(lambda: replica.client.execute_command(*hearers)[1] > 0, what="the API hears it, though nobody asked")
    site.shows(id_, "after the failover")
    assert b"after the failover" in replica.client.hget(document_key("product", id_), "product")
    site.judge()
    assert site.worker.output().count("everything is") == rebuilds


@pytest.mark.timeout(240)
def test_documents_equal_an_independent_computation_after_random_transactions(site: Site) -> None:
    """Behind the others: little may be left of what they look at."""
    connections = [psycopg.connect(site.erp.info.dsn) for _ in range(4)]
    assert len(list(interleave(connections, seed=5, transactions=40))) == 40
    for connection in connections:
        connection.close()
    site.judge()


def test_a_shard_that_hangs_is_told_of_after_one_timeout(site: Site) -> None:
    """Not after as many as the library would try again by itself: the lane that asks stands still meanwhile. Behind the
    others: the cluster may take the shard for failed, and for a while it refuses what they ask."""
    shard = site.cluster.shards[0]
    process = shard.client.info()["process_id"]
    settings = Settings(redis_url=site.settings.redis_url, redis_timeout_seconds=0.5)

    async def ask() -> float:
        async with open_redis(settings) as client:
            os.kill(process, signal.SIGSTOP)
            began = time.monotonic()
            try:
                with pytest.raises(FAILURES):
                    await client.hget(document_key("product", site.ids_of(shard, "product")[0]), "product")
            finally:
                os.kill(process, signal.SIGCONT)
            return time.monotonic() - began

    assert asyncio.run(ask()) < 2.5
    wait_for_empty_queues(site.erp)


def test_uninstall_leaves_nothing_in_any_shard(site: Site) -> None:
    site.worker.stop()
    assert asyncio.run(forget_documents(site.settings)) > 0
    assert [shard.client.dbsize() for shard in site.cluster.shards] == [0, 0, 0]
