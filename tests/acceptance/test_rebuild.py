"""projector rebuild: exits 0 when what was asked for is live."""

import re
import signal
import threading

import psycopg
import pytest
import redis

from projector.demo.traffic import Traffic
from projector.names import ENTITIES, STATE_KEY
from projector.settings import Settings
from tests.acceptance.commands import Projector, interrupt
from tests.acceptance.documents import read_fresh, read_hash, read_served
from tests.conftest import Start
from tests.waiting import wait_until


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_rebuild_makes_every_document_live_without_a_worker(
    jobs: str, projector: Projector, installed: Settings, erp_url: str, cache: "redis.Redis"
) -> None:
    """The bytes are those of the views, queues are empty, and every kind counts as built."""
    answer = projector("rebuild", "--jobs", jobs)
    fresh = read_fresh(erp_url)
    assert answer.code == 0
    assert answer.out == f"rebuilt {len(fresh) - 2 * len(read_fresh(erp_url, 'dashboard')) // 3} documents\n"
    assert read_served(cache) == fresh
    assert _queued(erp_url) == 0
    assert {name for name in read_hash(cache, STATE_KEY) if name.startswith(b"built:")} == {
        f"built:{document}".encode() for documents in ENTITIES.values() for document in documents
    }


def test_each_entity_is_rebuilt_alone_and_a_customer_with_its_orders(
    projector: Projector, installed: Settings, erp_url: str, cache: "redis.Redis"
) -> None:
    live: tuple[str, ...] = ()
    for entity, documents in ENTITIES.items():
        assert projector("rebuild", "--entity", entity).code == 0
        live += documents
        assert read_served(cache) == read_fresh(erp_url, *live)


def test_several_entities_may_be_named(
    projector: Projector, installed: Settings, erp_url: str, cache: "redis.Redis"
) -> None:
    assert projector("rebuild", "--entity", "order", "-e", "dashboard").code == 0
    assert read_served(cache) == read_fresh(erp_url, "order", "dashboard")


def test_only_the_ids_that_are_named_are_rebuilt(
    projector: Projector, installed: Settings, cache: "redis.Redis"
) -> None:
    assert projector("rebuild", "--entity", "customer", "--id", "3", "--id", "7").code == 0
    assert set(read_served(cache)) == {
        f"bff:customer:{id_}:{name}" for id_ in (3, 7) for name in ("complete", "orders", "shopper")
    }


def test_an_id_that_does_not_exist_is_no_failure_and_makes_no_document(
    projector: Projector, built: Settings, cache: "redis.Redis"
) -> None:
    """And a document of an entity that is gone goes too."""
    before = read_served(cache)
    cache.copy("bff:product:1:complete", "bff:product:999999:complete")
    largest = str(2**63 - 1)
    answer = projector("rebuild", "--entity", "product", "--id", "999999", "--id", largest, "--id", "-1")
    assert answer.code == 0, answer
    assert read_served(cache) == before


def test_a_pipe_gets_plain_lines_and_a_terminal_a_bar(projector: Projector, installed: Settings) -> None:
    """Progress goes to stderr, the result to stdout."""
    piped = projector("rebuild", "--entity", "order")
    count = re.fullmatch(r"rebuilt (\d+) documents\n", piped.out)
    assert count is not None, piped
    assert f"rebuilt {count[1]} of {count[1]}" in piped.err.splitlines()
    assert not set("\r\x1b━") & set(piped.err)
    code, shown = projector.on_terminal("rebuild", "--entity", "order")
    assert code == 0, shown
    assert "━" in shown
    assert f"{count[1]}/{count[1]}" in shown
    assert f"rebuilt {count[1]} documents" in shown


def test_rebuild_beside_a_worker_under_traffic_ends_and_loses_nothing(
    projector: Projector, installed: Settings, start: Start, erp_url: str, cache: "redis.Redis"
) -> None:
    start("run").wait_for(r"\bready\b")
    stopping = threading.Event()
    traffic = threading.Thread(target=_change, args=(erp_url, stopping))
    traffic.start()
    try:
        for answer in projector.each([("rebuild",), ("rebuild", "--entity", "product", "--id", "1")]):
            assert answer.code == 0, answer
    finally:
        stopping.set()
        traffic.join()
    wait_until(lambda: _queued(erp_url) == 0)
    wait_until(lambda: read_served(cache) == read_fresh(erp_url), what="Redis equals the views")


def test_an_interrupted_rebuild_ends_at_once_and_is_finished_by_the_next(
    projector: Projector, installed: Settings, erp_url: str, cache: "redis.Redis"
) -> None:
    """Ctrl-C leaves no traceback; what was queued stays queued."""
    with psycopg.connect(erp_url) as holder:
        holder.execute("LOCK TABLE sales_invoices")
        with projector.running("rebuild") as command:
            waiting = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND relation = 'sales_invoices'::regclass"
            with psycopg.connect(erp_url, autocommit=True) as observer:
                wait_until(lambda: observer.execute(waiting).fetchone() == (True,), what="the rebuild waits")
            interrupt(command)
            said, _ = command.communicate(timeout=20)
    assert command.returncode in (130, -signal.SIGINT)
    assert "Traceback" not in said
    assert _queued(erp_url) > 0
    assert projector("rebuild").code == 0
    assert read_served(cache) == read_fresh(erp_url)


def test_a_section_that_cannot_be_built_fails_the_rebuild_and_nothing_else(
    projector: Projector, built: Settings, erp_url: str, cache: "redis.Redis"
) -> None:
    """Its last good bytes stay; status says so until it can be built again."""
    before = read_served(cache)
    with psycopg.connect(erp_url, autocommit=True) as connection:
        _break_images(connection, id_=2)
        connection.execute("UPDATE products SET name = 'renamed' WHERE id IN (2, 3)")
    answer = projector("rebuild", "--entity", "product")
    assert answer.code == 1
    assert answer.err.splitlines()[-1].startswith("error: 1 sections could not be built")
    assert "Traceback" not in answer.err
    after = read_served(cache)
    assert after["bff:product:2:complete"]["images"] == before["bff:product:2:complete"]["images"]
    assert all("renamed" in after[f"bff:product:{id_}:complete"]["product"] for id_ in (2, 3))
    assert "dead letters  1" in projector("status").out
    assert "bff:product:2:complete images: cannot be built" in projector("verify", "--entity", "product").out
    assert projector("install").code == 0
    assert projector("rebuild", "--entity", "product", "--id", "2").code == 0
    assert "dead letters  0" in projector("status").out
    assert read_served(cache, "bff:product:*") == read_fresh(erp_url, "product", "product_detail")


def _break_images(connection: psycopg.Connection, id_: int) -> None:
    """Puts a division by zero into the view of one product's images."""
    row = connection.execute("SELECT pg_get_viewdef('projector.product_images')").fetchone()
    assert row is not None
    connection.execute(
        "CREATE OR REPLACE VIEW projector.product_images AS SELECT id,"
        f" CASE WHEN 1 / (id - {id_}) IS NULL THEN NULL ELSE value END AS value, valid_until"
        f" FROM ({row[0].rstrip(';')}) AS images".encode()
    )


def _change(url: str, stopping: threading.Event) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        traffic = Traffic(connection, seed=1)
        while not stopping.wait(0.005):
            traffic.step()


def _queued(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM projector.outbox) + (SELECT count(*) FROM projector.backlog)"
        ).fetchone()
    assert row is not None
    return int(row[0])
