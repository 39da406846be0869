"""The steps of the audit, without a worker: what explains a difference, and how several walk together."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg
import pytest
import redis

from projector import audit
from projector.audit import Audit
from projector.build import Builder
from projector.database import connect
from projector.drift import Difference, Verifier
from projector.installed import load_router
from projector.names import DOCUMENTS
from projector.publish import Publisher
from projector.rebuild import rebuild
from projector.redis_server import open_redis
from projector.settings import Settings

KEY = "bff:product:1:complete"


class Recorder(Verifier):
    """Remembers what it was asked to compare."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        self.compared: Counter[tuple[str, int]] = Counter()

    async def find_unexplained(self, document: str, ids: Sequence[int], publisher: Publisher) -> list[Difference]:
        self.compared.update((document, id_) for id_ in ids)
        return await super().find_unexplained(document, ids, publisher)


@asynccontextmanager
async def auditors(settings: Settings, count: int) -> AsyncIterator[list[tuple[Audit, Recorder]]]:
    """As so many workers have them."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(open_redis(settings))
        router, _ = load_router(settings)
        made = []
        for _ in range(count):
            connection = await stack.enter_async_context(await connect(settings, "test", snapshots=True))
            builder = Builder(connection, router, epoch=1, wide_fanout=1000)
            await builder.prepare()
            verifier = Recorder(connection, client, router, builder)
            made.append((Audit(connection, client, router, verifier, Publisher(client, 3600)), verifier))
            await made[-1][0].prepare()
        yield made


@pytest.fixture
def built(installed: Settings) -> Settings:
    asyncio.run(rebuild(installed, DOCUMENTS))
    return installed


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "LOOK_AGAIN_SECONDS", (0.0, 0.0, 0.0))


def unseen_change(erp: psycopg.Connection) -> None:
    with erp.transaction():
        erp.execute("ALTER TABLE product_prices DISABLE TRIGGER USER")
        erp.execute("UPDATE product_prices SET price = price + 1")
        erp.execute("ALTER TABLE product_prices ENABLE TRIGGER USER")


def unexplained(settings: Settings) -> set[str]:
    """The sections of product 1 that differ and that no work under way explains."""

    async def scenario() -> set[str]:
        async with auditors(settings, 1) as ((_, verifier),), open_redis(settings) as client:
            return {it.section for it in await verifier.find_unexplained("product", [1], Publisher(client, 3600))}

    return asyncio.run(scenario())


EXPLANATIONS = {
    "a queued section": "INSERT INTO projector.backlog (document, section, ids) VALUES ('product', 'pricing', '{1}')",
    "a queued document": "INSERT INTO projector.backlog (document, ids) VALUES ('product', '{1}')",
    "a fan-out": "INSERT INTO projector.backlog (document, section, fanout)"
    " VALUES ('product', 'pricing', '{\"all\": true}')",
    "an event": "UPDATE product_prices SET price = price + 1 WHERE product_id = 1",
    "an event that leads to it by a query": "UPDATE pricing_lists SET name = name || '!'",
    "a reconciliation to come": "INSERT INTO projector.reconciliation (document, section)"
    " VALUES ('product', 'pricing')",
    "a dead letter": "INSERT INTO projector.dead_letter (document, id, section, error, retry_at)"
    " VALUES ('product', 1, 'pricing', 'broken', now())",
}
NO_EXPLANATIONS = {
    "nothing": "SELECT",
    "another section": "INSERT INTO projector.backlog (document, section, ids) VALUES ('product', 'images', '{1}')",
    "another document": "INSERT INTO projector.backlog (document, ids) VALUES ('product', '{2}')",
    "another kind": "INSERT INTO projector.backlog (document, ids) VALUES ('order', '{1}')",
    "an event of another product": "UPDATE inventory_items SET quantity_on_hand = 5 WHERE product_id = 2",
}


@pytest.mark.parametrize("statement", EXPLANATIONS.values(), ids=EXPLANATIONS)
def test_work_under_way_explains_a_difference(built: Settings, erp: psycopg.Connection, statement: str) -> None:
    unseen_change(erp)
    assert unexplained(built) == {"pricing"}
    erp.execute(statement)
    assert unexplained(built) == set()


@pytest.mark.parametrize("statement", NO_EXPLANATIONS.values(), ids=NO_EXPLANATIONS)
def test_other_work_explains_nothing(built: Settings, erp: psycopg.Connection, statement: str) -> None:
    unseen_change(erp)
    erp.execute(statement)
    assert unexplained(built) == {"pricing"}


def test_events_in_other_hands_explain_a_difference(built: Settings, erp: psycopg.Connection, erp_url: str) -> None:
    """As long as whoever claimed them has not acknowledged."""
    erp.execute("UPDATE product_prices SET price = price + 1 WHERE product_id = 1")
    with psycopg.connect(erp_url) as claim:
        claim.execute("DELETE FROM projector.outbox")
        assert unexplained(built) == set()
    assert unexplained(built) == {"pricing"}


def test_a_timer_that_is_due_explains_what_reads_the_clock(
    built: Settings, erp: psycopg.Connection, redis_url: str
) -> None:
    unseen_change(erp)
    with redis.Redis.from_url(redis_url) as client:
        client.zadd("{projector}:timers", {"product:1:pricing": 1})
        assert unexplained(built) == set()
        client.zrem("{projector}:timers", "product:1:pricing")
    assert unexplained(built) == {"pricing"}


def test_several_workers_share_the_walk_and_a_restart_goes_on(built: Settings, erp: psycopg.Connection) -> None:
    """In one pass each document is compared once, whoever does it; also those of which only Redis knows."""
    compared: Counter[tuple[str, int]] = Counter()
    unfinished = "SELECT count(*) FROM projector.audit WHERE finished_at IS NULL"

    async def some_steps(steps: int) -> None:
        async with auditors(built, 3) as made:
            for _ in range(steps):
                for walker, _ in made:
                    if erp.execute(unfinished).fetchone() != (0,):
                        await walker.run_once()
            for _, recorder in made:
                compared.update(recorder.compared)

    while True:
        asyncio.run(some_steps(2))
        if erp.execute(unfinished).fetchone() == (0,):
            break
    expected = {
        (document, id_)
        for document in DOCUMENTS
        for (id_,) in erp.execute(f'SELECT id FROM projector."{document}"').fetchall()
    }
    assert set(compared) == expected
    assert set(compared.values()) == {1}


@pytest.mark.usefixtures("impatient")
def test_drift_calls_for_haste_until_a_pass_is_clean_and_for_a_bounded_record(
    built: Settings, erp: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the newest rows are kept; the walk goes back to its pace when nothing more is found."""
    monkeypatch.setattr(audit, "KEPT", 10)
    unseen_change(erp)
    hasty = "SELECT document FROM projector.audit WHERE hasty_passes > 0"

    async def scenario() -> list[bool]:
        async with auditors(built, 1) as ((walker, _),):
            steps = [(await walker.run_once()).hasty for _ in range(60)]
            assert erp.execute("SELECT count(*), bool_and(repaired) FROM projector.drift").fetchone() == (10, True)
            while erp.execute(hasty).fetchall():
                steps.append((await walker.run_once()).hasty)
            return steps

    assert any(asyncio.run(scenario()))
    assert unexplained(built) == set()
