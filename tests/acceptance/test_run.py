"""projector run: the worker as a process."""

import re
import signal
from pathlib import Path

import psycopg
import pytest
import redis

from projector.names import DOCUMENTS
from projector.settings import Settings
from tests.acceptance.commands import Projector
from tests.acceptance.documents import read_field, read_fresh, read_hash, read_keys, read_served
from tests.acceptance.servers import LatePostgres, LateRedis
from tests.conftest import Start
from tests.waiting import wait_until


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_says_when_it_is_ready_and_ends_well_when_told_to(
    kind: signal.Signals, start: Start, installed: Settings
) -> None:
    worker = start("run")
    worker.wait_for(r"\bready\b")
    worker.process.send_signal(kind)
    assert worker.process.wait(20) == 0
    lines = worker.output().splitlines()
    assert len([line for line in lines if re.search(r"\bready\b", line)]) == 1
    assert "Traceback" not in worker.output()


def test_a_worker_builds_what_a_first_installation_asked_for(
    start: Start, installed: Settings, erp_url: str, cache: "redis.Redis"
) -> None:
    """No rebuild by hand is needed; the log says of each kind of document when it is complete."""
    worker = start("run")
    wait_until(lambda: read_served(cache) == read_fresh(erp_url), what="Redis equals the views")
    worker.wait_for(rf"(?s)(all documents are built.*){{{len(DOCUMENTS)}}}")
    for document in DOCUMENTS:
        assert re.search(rf"all documents are built.*\b{document}\b", worker.output()), worker.output()


def test_a_change_of_the_erp_appears_in_redis(
    start: Start, built: Settings, erp_url: str, cache: "redis.Redis"
) -> None:
    """And only there: what the change does not touch keeps its bytes and the time of its build."""
    start("run").wait_for(r"\bready\b")
    others = {name: fields for name, fields in _all(cache).items() if not name.startswith("bff:product:4:")}
    with psycopg.connect(erp_url, autocommit=True) as connection:
        connection.execute("UPDATE products SET description = 'جديد' WHERE id = 4")
    wait_until(lambda: "جديد" in read_field(cache, "bff:product:4:complete", "product"))
    assert {name: fields for name, fields in _all(cache).items() if name in others} == others


def test_the_refresh_stream_asks_for_a_rebuild(start: Start, built: Settings, cache: "redis.Redis") -> None:
    """What cannot be understood is passed over."""
    worker = start("run")
    worker.wait_for(r"\bready\b")
    before = read_served(cache)
    keys = ("bff:product:1:complete", "bff:customer:2:complete", "bff:customer:2:orders", "bff:order:3:complete")
    dashboards = cache.keys("bff:dashboard:salesperson:1:*")
    assert dashboards
    cache.delete(*keys, *dashboards)
    for document, id_ in (
        ("nonsense", "1"), ("product", "x"), ("product", str(2**63)), ("product", "1"), ("customer", "2"),
        ("order", "3"), ("dashboard", "1"),
    ):  # fmt: skip
        cache.xadd("projector:refresh", {"document": document, "id": id_})
    cache.xadd("projector:refresh", {"unknown": b"\xff"})
    wait_until(lambda: read_served(cache) == before, what="what was deleted is back")
    wait_until(lambda: cache.xlen("projector:refresh") == 0)
    assert worker.process.poll() is None


def test_a_worker_that_starts_before_redis_says_so_and_then_works(
    start: Start, installed: Settings, erp_url: str, tmp_path: Path
) -> None:
    late = LateRedis(tmp_path)
    worker = start("run", PROJECTOR_REDIS_URL=late.url)
    worker.wait_for("trying again")
    assert not re.search(r"\bready\b", worker.output())
    late.start()
    try:
        worker.wait_for(r"\bready\b")
        with redis.Redis.from_url(late.url) as client:
            wait_until(lambda: read_served(client) == read_fresh(erp_url), what="Redis equals the views")
        assert worker.stop() == 0
    finally:
        late.stop()


def test_a_worker_that_starts_before_postgresql_says_so_and_then_works(
    start: Start, built: Settings, erp_url: str, tmp_path: Path, cache: "redis.Redis"
) -> None:
    late = LatePostgres(tmp_path, erp_url)
    worker = start("run", PROJECTOR_DATABASE_URL=late.url)
    worker.wait_for("trying again")
    assert not re.search(r"\bready\b", worker.output())
    late.start()
    try:
        worker.wait_for(r"\bready\b")
        with psycopg.connect(erp_url, autocommit=True) as connection:
            connection.execute("UPDATE products SET name = 'late' WHERE id = 1")
        wait_until(lambda: '"late"' in read_field(cache, "bff:product:1:complete", "product"))
        assert worker.stop() == 0
    finally:
        late.stop()


def test_a_worker_survives_redis_going_away_and_coming_back_empty(
    start: Start, installed: Settings, erp_url: str, tmp_path: Path
) -> None:
    late = LateRedis(tmp_path)
    late.start()
    worker = start("run", PROJECTOR_REDIS_URL=late.url)
    try:
        worker.wait_for("all documents are built")
        late.stop()
        worker.wait_for("trying again")
        with psycopg.connect(erp_url, autocommit=True) as connection:
            connection.execute("UPDATE products SET name = 'while away' WHERE id = 1")
        late.start()
        with redis.Redis.from_url(late.url) as client:
            wait_until(lambda: read_served(client) == read_fresh(erp_url), what="Redis equals the views")
        assert worker.process.poll() is None
    finally:
        worker.stop()
        late.stop()


def test_where_nothing_is_installed_a_worker_ends_with_one_line(projector: Projector) -> None:
    assert "projector install" in projector("run").refusal()


def test_a_worker_whose_installation_is_taken_away_ends_with_one_line(
    projector: Projector, start: Start, installed: Settings
) -> None:
    worker = start("run")
    worker.wait_for("all documents are built")
    assert projector("uninstall", "--yes").code == 0
    assert worker.process.wait(30) == 1
    assert "Traceback" not in worker.output()
    last = worker.output().splitlines()[-1]
    assert last.startswith("error: ")
    assert "projector install" in last


def test_two_workers_share_the_work(start: Start, built: Settings, erp_url: str, cache: "redis.Redis") -> None:
    for _ in range(2):
        start("run").wait_for(r"\bready\b")
    with psycopg.connect(erp_url, autocommit=True) as connection:
        for n in range(50):
            connection.execute("UPDATE products SET unit_price = %s WHERE id = %s", (n, n % 10 + 1))
            connection.execute("UPDATE customers SET credit_limit = %s WHERE id = %s", (n, n % 7 + 1))
    wait_until(lambda: read_served(cache) == read_fresh(erp_url), what="Redis equals the views")


def _all(cache: "redis.Redis") -> dict[str, dict[bytes, bytes]]:
    return {key: read_hash(cache, key) for key in read_keys(cache, "bff:*")}
