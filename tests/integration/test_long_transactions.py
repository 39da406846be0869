"""Transactions of the ERP that stay open for long: they keep dead rows from being vacuumed, and commit late."""

import asyncio
import json
from contextlib import AsyncExitStack

import psycopg
import pytest
import redis

from projector.build import Builder, Request
from projector.database import AsyncDatabase, array_literal, connect
from projector.demo.erp import create_schema
from projector.horizon import Horizon
from projector.install import install
from projector.installed import load_router
from projector.look import statement
from projector.outbox import Outbox
from projector.settings import Settings
from tests.conftest import Postgres, Start
from tests.properties.judgement import judge, wait_for_empty_queues
from tests.waiting import wait_until

ROUNDS, EVENTS_A_ROUND = 50, 1_000


@pytest.mark.timeout(120)
def test_a_claim_costs_the_same_however_many_dead_rows_a_held_snapshot_keeps(
    installed: Settings, erp: psycopg.Connection, erp_url: str
) -> None:
    """In buffers that a claim and a look read, which does not depend on the machine. Without the horizon both read
    everything that was ever claimed."""
    erp.execute("TRUNCATE projector.outbox, projector.backlog")

    async def measure() -> tuple[int, int, int]:
        async with AsyncExitStack() as stack:
            build = await stack.enter_async_context(await connect(installed, "test build", snapshots=True))
            claim = await stack.enter_async_context(await connect(installed, "test claim"))
            router, _ = await asyncio.to_thread(load_router, installed)
            horizon = Horizon()
            builder = Builder(build, router, epoch=1, wide_fanout=100, horizon=horizon)
            await builder.prepare()
            await Outbox(5_000, horizon).prepare(claim)
            await builder.build(Request("1"))
            before = await _buffers(claim, build, horizon)
            await asyncio.to_thread(_pass_events, erp)
            blind = await _buffers(claim, build, Horizon())
            await builder.build(Request("1"))
            return before, await _buffers(claim, build, horizon), blind

    with psycopg.connect(erp_url) as holder:
        holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT FROM branches")
        before, after, blind = asyncio.run(measure())
    assert after <= 2 * before + 4, (before, after, blind)
    assert blind > 20 * (after + 1), (before, after, blind)


def _pass_events(erp: psycopg.Connection) -> None:
    """Events that come and are claimed, a transaction each."""
    for _ in range(ROUNDS):
        erp.execute(
            "INSERT INTO projector.outbox (source, operation, key_1)"
            f" SELECT 'products', 'U', ARRAY[n] FROM generate_series(1, {EVENTS_A_ROUND}) AS n"
        )
        erp.execute("DELETE FROM projector.outbox")


async def _buffers(claim: AsyncDatabase, build: AsyncDatabase, horizon: Horizon) -> int:
    """Buffers that one claim and one look read, once they are planned."""
    behind = f"'{horizon.low}', '{array_literal(horizon.open)}'"
    statements = [(claim, f"EXECUTE claim_events ({behind}, 5000, false)"), (build, statement("1", {}, horizon))]
    buffers = 0
    for connection, execute in statements:
        for _ in range(2):
            cursor = await connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {execute}")
        row = await cursor.fetchone()
        plan = json.loads(row[0])[0]["Plan"] if row else {}
        buffers += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return buffers


@pytest.mark.timeout(180)
def test_a_transaction_that_commits_late_is_published_and_delays_nobody_meanwhile(
    installed: Settings, start: Start, erp: psycopg.Connection, erp_url: str, redis_url: str
) -> None:
    """It wrote before thousands of others, whose documents follow at once; its own follow when it commits."""
    start("run").wait_for(r"\bready\b")
    wait_for_empty_queues(erp)
    with psycopg.connect(erp_url) as late, redis.Redis.from_url(redis_url) as client:
        late.execute("UPDATE products SET name = 'late' WHERE id = 1")
        late.execute("SAVEPOINT here")
        late.execute("UPDATE inventory_items SET quantity_on_hand = 77 WHERE id = 1")
        for number in range(3_000):
            erp.execute("UPDATE inventory_items SET quantity_on_hand = %s WHERE id = %s", (number, number % 50 + 2))
        wait_until(lambda: erp.execute("SELECT FROM projector.outbox").rowcount == 0, what="the others are published")
        assert b"late" not in (client.hget("bff:product:1:complete", "product") or b"")
        late.execute("UPDATE customers SET name = 'late' WHERE id = 1")
        late.commit()
        wait_until(lambda: b"late" in (client.hget("bff:product:1:complete", "product") or b""), what="late commit")
    address = start("serve", "--port", "0").wait_for(r"Listening on (http://\S+)")[1]
    judge(erp, address)


@pytest.mark.timeout(120)
def test_claims_behind_the_horizon_find_every_event(installed: Settings, erp_url: str) -> None:
    """Writers hold their transactions while others come and go; what a claim with a horizon leaves behind, a claim
    without one must not find."""
    asyncio.run(_claim_among_writers(installed, erp_url))


async def _claim_among_writers(settings: Settings, url: str) -> None:
    async with AsyncExitStack() as stack:
        build = await stack.enter_async_context(await connect(settings, "test build", snapshots=True))
        claim = await stack.enter_async_context(await connect(settings, "test claim"))
        writers = [await stack.enter_async_context(await psycopg.AsyncConnection.connect(url)) for _ in range(12)]
        router, _ = await asyncio.to_thread(load_router, settings)
        horizon = Horizon()
        builder = Builder(build, router, epoch=1, wide_fanout=100, horizon=horizon)
        await builder.prepare()
        await Outbox(5_000, horizon).prepare(claim)
        for step in range(400):
            writer = writers[step * 7 % len(writers)]
            await writer.execute("UPDATE customers SET name = %s WHERE id = %s", (f"{step}", step * 7 % 12 + 1))
            if step % 3 == 0:
                await (writer.commit() if step % 5 else writer.rollback())
            if step % 4 == 0:
                await _claim(claim, horizon)
                await builder.build(Request("1"))
                assert await _claim(claim, horizon, peek=True) == await _claim(claim, Horizon(), peek=True)
        for writer in writers:
            await writer.commit()
        waiting = await _claim(claim, Horizon(), peek=True)
        assert waiting > 0
        assert await _claim(claim, horizon) == waiting


def test_a_prepared_transaction_is_found_when_it_is_committed(other_server: Postgres) -> None:
    """It belongs to no session any more, and others pass it by."""
    with other_server.fresh_database() as url:
        with psycopg.connect(url, autocommit=True) as erp:
            create_schema(erp)
            erp.execute("INSERT INTO products (name) VALUES ('one')")
        install(Settings(database_url=url))
        assert asyncio.run(_claim_prepared(Settings(database_url=url), url)) == ["U"]


async def _claim_prepared(settings: Settings, url: str) -> list[str]:
    async with AsyncExitStack() as stack:
        build = await stack.enter_async_context(await connect(settings, "test build", snapshots=True))
        claim = await stack.enter_async_context(await connect(settings, "test claim"))
        erp = await stack.enter_async_context(await psycopg.AsyncConnection.connect(url, autocommit=True))
        router, _ = await asyncio.to_thread(load_router, settings)
        horizon = Horizon()
        builder = Builder(build, router, epoch=1, wide_fanout=100, horizon=horizon)
        await builder.prepare()
        outbox = Outbox(5_000, horizon)
        await outbox.prepare(claim)
        await erp.execute("BEGIN; UPDATE products SET name = 'two'; PREPARE TRANSACTION 'theirs'")
        for _ in range(3):
            await erp.execute("INSERT INTO products (name) VALUES ('other')")
            await _claim(claim, horizon)
            await builder.build(Request("1"))
        await erp.execute("COMMIT PREPARED 'theirs'")
        request = await outbox.claim(claim)
        return [event.operation for event in request.events] if request else []


async def _claim(claim: AsyncDatabase, horizon: Horizon, *, peek: bool = False) -> int:
    """How many events a claim takes; with `peek` it gives them back."""
    execute = f"EXECUTE claim_events ('{horizon.low}', '{array_literal(horizon.open)}', 5000, false)"
    await claim.execute("BEGIN")
    cursor = await claim.execute(execute)
    await claim.execute("ROLLBACK" if peek else "COMMIT")
    return cursor.rowcount


@pytest.mark.timeout(120)
def test_a_fresh_change_does_not_wait_for_whoever_builds_the_same_dashboard(
    installed: Settings, start: Start, erp: psycopg.Connection, erp_url: str, redis_url: str
) -> None:
    """Another worker that hangs in the middle of a dashboard holds its row; the salesperson's orders go on."""
    start("run").wait_for(r"\bready\b")
    wait_for_empty_queues(erp)
    row = erp.execute("SELECT id, created_by FROM sales_orders WHERE created_by IS NOT NULL LIMIT 1").fetchone()
    order, salesperson = row or (0, 0)
    with psycopg.connect(erp_url) as holder, redis.Redis.from_url(redis_url) as client:
        for queue in ("outbox (source, operation, key_1) VALUES ('dashboard', 'B', ARRAY[%s])",
                      "backlog (document, ids) VALUES ('dashboard', ARRAY[%s])"):  # fmt: skip
            holder.execute(f"INSERT INTO projector.{queue}".encode(), (salesperson,))
        erp.execute("UPDATE sales_orders SET notes = 'goes on' WHERE id = %s", (order,))
        key = f"bff:order:{order}:complete"
        wait_until(lambda: b"goes on" in (client.hget(key, "order") or b""), what="the order is published")
