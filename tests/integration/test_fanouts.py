"""Fan-outs: the same one asked for twice is done once, and whoever asks never waits."""

import asyncio
import json
from collections import Counter

import psycopg
import redis

from projector.backlog import Backlog, queue_documents, queue_fanouts
from projector.build import Request
from projector.database import connect
from projector.installed import load_router
from projector.names import DOCUMENTS, document_keys
from projector.redis_server import open_redis
from projector.settings import Settings
from projector.sql import read_query
from projector.work import Fanout
from tests.conftest import Start
from tests.properties.judgement import wait_for_empty_queues
from tests.waiting import wait_until

ALL_PRODUCTS = Fanout("product", "pricing")
SPARSE = "INSERT INTO projector.backlog (document, ids) SELECT 'order', ARRAY[n * 64] FROM generate_series(1, 20000) n"
"""Each in a place of its own."""


def queue(settings: Settings, *fanouts: Fanout) -> None:
    """As a lane does that acknowledges; fails where that would have to wait."""

    async def scenario() -> None:
        async with await connect(settings, "test") as connection:
            await connection.execute("SET lock_timeout = '2s'")
            await queue_fanouts(connection, fanouts)

    asyncio.run(scenario())


def expand(settings: Settings) -> None:
    """Resolves all fan-outs that wait."""

    async def scenario() -> None:
        router, _ = load_router(settings)
        async with await connect(settings, "test") as connection, open_redis(settings) as client:
            backlog = Backlog(router, client, 1000, list(router.documents))
            await backlog.expand(connection)

    asyncio.run(scenario())


def claims(settings: Settings, chunk_size: int, most: int = 1_000) -> list[Request]:
    """What is claimed until nothing is left, or so many claims."""

    async def scenario() -> list[Request]:
        router, _ = load_router(settings)
        found = []
        async with await connect(settings, "test") as connection, open_redis(settings) as client:
            backlog = Backlog(router, client, chunk_size, list(router.documents))
            await backlog.prepare(connection)
            while len(found) < most and (request := await backlog.claim(connection)):
                found.append(request)
                await connection.execute("COMMIT")
        return found

    return asyncio.run(scenario())


def counts(erp: psycopg.Connection) -> tuple[int, int]:
    """Fan-outs and documents that wait."""
    query = "SELECT count(*) FILTER (WHERE ids IS NULL), coalesce(sum(cardinality(ids)), 0) FROM projector.backlog"
    return erp.execute(query).fetchone()


def test_a_second_identical_fanout_merges_with_the_first(installed: Settings, erp: psycopg.Connection) -> None:
    """While it waits, and while its documents wait; another one does not."""
    erp.execute("DELETE FROM projector.backlog")
    queue(installed, ALL_PRODUCTS, ALL_PRODUCTS)
    queue(installed, ALL_PRODUCTS)
    assert counts(erp) == (1, 0)
    queue(installed, Fanout("product", "images"))
    assert counts(erp) == (2, 0)
    expand(installed)
    assert counts(erp) == (0, 60)
    queue(installed, ALL_PRODUCTS)
    expand(installed)
    (request,) = claims(installed, 30)
    assert {document: len(ids) for document, ids in request.wanted.items()} == {"product": 30}


def test_all_kinds_are_queued_once_by_one_reading_of_redis(
    installed: Settings, erp: psycopg.Connection, redis_url: str
) -> None:
    """What the database names, and of what only Redis does, documents whose entity is gone."""
    gone = {("product", 999_001), ("order", 999_002), ("dashboard", 999_003)}
    expected = Counter(gone)
    for document in DOCUMENTS:
        expected.update((document, id_) for (id_,) in erp.execute(f"SELECT id FROM projector.{document}"))
    with redis.Redis.from_url(redis_url) as client:
        for document, id_ in (*gone, ("product", 1), ("customer", 1)):
            for key in document_keys(document, id_):
                client.hset(key, "section", "{}")
        client.hset("bff:product:somebody else's:complete", "section", "{}")
        client.config_resetstat()
        queue(installed, *(Fanout(document, "*") for document in DOCUMENTS))
        expand(installed)
        assert client.info("commandstats")["cmdstat_scan"]["calls"] == 1
    assert Counter(erp.execute("SELECT document, unnest(ids) FROM projector.backlog").fetchall()) == expected


def test_claims_take_whole_places_and_about_as_much_as_a_chunk(installed: Settings, erp: psycopg.Connection) -> None:
    """However often and for which sections documents were queued, below zero and at the ends of a bigint, too."""
    erp.execute("DELETE FROM projector.backlog")
    ids = [-(2**63), -65, -64, -1, *range(300), 10**6, 2**63 - 1]

    async def queue_all() -> None:
        async with await connect(installed, "test") as connection:
            for section in ("pricing", "images", "pricing", "*"):
                await queue_documents(connection, "product", section, ids, "rebuild")

    asyncio.run(queue_all())
    requests = claims(installed, 100)
    assert [len(request.wanted["product"]) for request in requests] == [4 + 2 * 64, 2 * 64, 300 - 4 * 64 + 2]
    assert sorted(id_ for request in requests for id_ in request.wanted["product"]) == ids
    router, _ = load_router(installed)
    every = router.all_sections("product")
    assert {bits for request in requests for bits in request.wanted["product"].values()} == {every}
    assert {request.cause for request in requests} == {"rebuild"}
    assert counts(erp) == (0, 0)


def test_a_claim_takes_what_nobody_else_holds(installed: Settings, erp_url: str, erp: psycopg.Connection) -> None:
    erp.execute("DELETE FROM projector.backlog")
    erp.execute(SPARSE)
    with psycopg.connect(erp_url) as other:
        other.execute("DELETE FROM projector.backlog WHERE place <= 50")
        (request,) = claims(installed, 10, 1)
        assert list(request.wanted["order"]) == [n * 64 for n in range(51, 61)]
        other.rollback()
    (request,) = claims(installed, 10, 1)
    assert list(request.wanted["order"]) == [n * 64 for n in range(1, 11)]


def test_a_fanout_does_not_wait_for_the_same_one_being_resolved(
    installed: Settings, erp_url: str, erp: psycopg.Connection
) -> None:
    """Resolving a hundred thousand documents takes seconds, for which fresh changes would stand still. The second is
    queued, since the first may have looked too early, and its documents merge."""
    erp.execute("DELETE FROM projector.backlog")
    queue(installed, ALL_PRODUCTS)
    with psycopg.connect(erp_url) as resolving:
        resolving.execute("DELETE FROM projector.backlog WHERE ids IS NULL")
        resolving.execute(
            "INSERT INTO projector.backlog (document, section, ids) SELECT 'product', 'pricing', array_agg(id)"
            " FROM products"
        )
        queue(installed, ALL_PRODUCTS)
    assert counts(erp) == (1, 30)
    expand(installed)
    (request,) = claims(installed, 30)
    assert {document: len(ids) for document, ids in request.wanted.items()} == {"product": 30}


def test_a_fanout_that_comes_within_a_round_does_not_wait_for_its_end(
    installed: Settings, erp: psycopg.Connection
) -> None:
    """Until it is resolved each builder asks it of all that it builds, and all of that is built again."""
    erp.execute("DELETE FROM projector.backlog")
    erp.execute(SPARSE)

    async def scenario() -> None:
        router, _ = load_router(installed)
        async with await connect(installed, "test") as connection, open_redis(installed) as client:
            backlog = Backlog(router, client, 10, list(router.documents))
            await backlog.prepare(connection)
            assert await backlog.claim(connection)
            await connection.execute("COMMIT")
            await queue_fanouts(connection, [ALL_PRODUCTS])
            while counts(erp)[0] and await backlog.claim(connection):
                await connection.execute("COMMIT")

    asyncio.run(scenario())
    fanouts, documents = counts(erp)
    assert fanouts == 0
    assert documents > 60, "the round is over"


def test_a_fresh_change_does_not_read_a_long_backlog(installed: Settings, erp: psycopg.Connection) -> None:
    """A look that was planned while the backlog was empty is planned anew when a drain begins."""
    look = "EXPLAIN EXECUTE look ('2', 10, '{order}', '{5}', '0', '{}')"

    def plan() -> str:
        return "\n".join(line for (line,) in erp.execute(look))

    erp.execute("TRUNCATE projector.backlog")
    erp.execute("SET plan_cache_mode = force_generic_plan")
    erp.execute("PREPARE look AS " + read_query("look"))
    assert "Seq Scan on backlog" in plan()
    erp.execute(SPARSE)
    expand(installed)
    assert claims(installed, 10, 1)
    assert "Seq Scan on backlog" not in plan()


def test_progress_of_the_drain_is_told_and_outlives_a_worker(
    installed: Settings, start: Start, erp: psycopg.Connection
) -> None:
    """How many waited, how many are done, and when it will end; nothing once all is done."""

    def draining() -> dict[str, float] | None:
        command = start("status", "--json")
        command.process.wait(30)
        return json.loads(command.output())["draining"]

    assert draining() is None
    # One document at a time, so that the drain lasts.
    slow = {"PROJECTOR_CHUNK_SIZE": "1", "PROJECTOR_AUDIT_SHARE": "0"}
    first = start("run", **slow)
    first.wait_for(r"\bready\b")
    erp.execute(SPARSE)
    seen = wait_until(lambda: (it := draining()) and it["done"] and it, what="progress")
    assert seen["total"] > 15_000  # what is done is added once a second
    assert seen["per_second"] > 0
    assert 0 < seen["seconds_left"] < 3600
    first.stop()
    start("run").wait_for(r"\bready\b")
    later = draining()
    assert later is None or later["done"] >= seen["done"]
    wait_for_empty_queues(erp)
    assert draining() is None
    query = "SELECT began_at IS NULL FROM projector.backlog_progress"
    wait_until(lambda: erp.execute(query).fetchone() == (True,), what="the end of the drain")
