"""What projector.token() says in transactions of every kind, and to whom; and what a worker makes of a token."""

import os
import time
from collections.abc import Iterator

import psycopg
import pytest
import redis
from psycopg import errors

from projector.demo.erp import create_schema
from projector.install import install, uninstall
from projector.names import REFLECTED_FIELD, WAITING_STREAM, verdict_key
from projector.settings import Settings
from tests.conftest import Postgres, Start
from tests.waiting import wait_until

KEY = "bff:product:1:complete"
WRITE = "UPDATE products SET name = 'written' WHERE id = 1"


def token(erp: psycopg.Connection) -> str | None:
    row = erp.execute("SELECT projector.token()").fetchone()
    assert row is not None
    return row[0]


def ask(client: redis.Redis, token: str | None, nonce: str, key: str) -> bytes | None:
    """Asks, as a reader does now and then; the verdict if there is one."""
    assert token is not None
    client.xadd(WAITING_STREAM, {"key": key, "token": token, "nonce": nonce})
    time.sleep(0.1)
    reflected, refused = client.hmget(verdict_key(key, token), [REFLECTED_FIELD, nonce])
    return reflected or refused


def verdict(client: redis.Redis, token: str | None, nonce: str = "reader", key: str = KEY) -> bytes | None:
    return wait_until(lambda: ask(client, token, nonce, key), what="a verdict")


def goes_on(client: redis.Redis, token: str | None) -> bool:
    """Whether a worker that has answered somebody else meanwhile says nothing of it."""
    asked = [ask(client, token, "reader", KEY)]
    assert verdict(client, "00000000-1", str(time.monotonic())) == b"is of another database"
    return [*asked, ask(client, token, "reader", KEY)] == [None, None]


@pytest.fixture
def clerk(installed: Settings, erp: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """A session under a role that may write the ERP's tables, and was granted nothing of ours."""
    role = f"clerk_{os.getpid()}"
    erp.execute(f"CREATE ROLE {role} LOGIN".encode())
    erp.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}".encode())
    erp.execute(f"GRANT CREATE ON SCHEMA public TO {role}".encode())
    with psycopg.connect(installed.database()) as connection:
        connection.execute(f"SET ROLE {role}".encode())
        connection.commit()
        yield connection
    erp.execute(f"DROP OWNED BY {role} CASCADE".encode())
    erp.execute(f"DROP ROLE {role}".encode())


def test_it_names_the_transaction_that_wrote_and_none_that_did_not(clerk: psycopg.Connection) -> None:
    """Whatever its savepoints; under any role."""
    assert token(clerk) is None
    with clerk.transaction():
        clerk.execute(WRITE)
    written = token(clerk)
    with clerk.transaction(force_rollback=True):
        clerk.execute(WRITE)
        assert token(clerk) == written
    row = clerk.execute("SELECT pg_current_xact_id()::text").fetchone()
    assert row is not None
    assert written is not None
    assert written.partition("-")[2] == row[0]
    clerk.rollback()
    clerk.execute("SET TRANSACTION READ ONLY")
    assert token(clerk) is None


def test_everybody_may_call_it_and_nothing_else(clerk: psycopg.Connection) -> None:
    for statement in (
        "SELECT * FROM projector.outbox",
        "INSERT INTO projector.backlog (document, ids) VALUES ('product', '{1}')",
        "SELECT * FROM projector.product_product",
        "SELECT projector.pause()",
        "SELECT projector.queue_all('product', '*', '')",
        "CREATE TABLE mine (id int); CREATE TRIGGER fake AFTER INSERT ON mine"
        " EXECUTE FUNCTION projector.capture_products_truncate()",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            clerk.execute(statement.encode())
        clerk.rollback()


def test_it_goes_with_the_schema(clerk: psycopg.Connection, installed: Settings) -> None:
    uninstall(installed)
    clerk.execute(WRITE)
    with pytest.raises(errors.InvalidSchemaName):
        token(clerk)


def test_a_worker_waits_for_what_goes_on_and_for_nothing_else(
    installed: Settings, erp: psycopg.Connection, start: Start, redis_url: str
) -> None:
    """A transaction that rolled back has ended; so has one that changed nothing that is captured."""
    worker = start("run")
    worker.wait_for(r"\bready\b")
    with psycopg.connect(installed.database()) as writer, redis.Redis.from_url(redis_url) as client:
        writer.execute(WRITE)
        written = token(writer)
        assert goes_on(client, written)
        writer.rollback()
        assert verdict(client, written) == b"1"
        writer.execute("CREATE TABLE not_captured ()")
        other = token(writer)
        writer.commit()
        assert verdict(client, other) == b"1"
        assert written is not None
        source, _, number = written.partition("-")
        assert verdict(client, f"{source}-{int(number) + 1_000_000}", "a") == b"names no transaction"
        assert verdict(client, f"00000000-{number}", "b") == b"is of another database"
        client.xadd(WAITING_STREAM, {"key": "nonsense", "token": "x", "nonce": "c"})
        assert verdict(client, written, key="bff:product:2:complete") == b"1"
        assert worker.process.poll() is None, worker.output()
        assert b"name" in (client.hget(KEY, "product") or b"")


def test_while_capture_is_paused_documents_are_built_for_who_waits(
    installed: Settings, erp: psycopg.Connection, start: Start, redis_url: str
) -> None:
    """No event says that they changed."""
    start("run").wait_for(r"\bready\b")
    with psycopg.connect(installed.database()) as writer, redis.Redis.from_url(redis_url) as client:
        wait_until(lambda: client.exists(KEY), what="the document")
        erp.execute("SELECT projector.pause()")
        writer.execute("UPDATE products SET name = 'while paused' WHERE id = 1")
        written = token(writer)
        writer.commit()
        assert verdict(client, written) == b"1"
        assert b"while paused" in (client.hget(KEY, "product") or b"")


def test_a_prepared_transaction_goes_on_until_it_is_committed(
    other_server: Postgres, start: Start, redis_url: str
) -> None:
    with other_server.fresh_database() as url, redis.Redis.from_url(redis_url) as client:
        with psycopg.connect(url) as writer:
            create_schema(writer)
            writer.execute("INSERT INTO products (id, name) VALUES (1, 'before')")
            writer.commit()
            install(Settings(database_url=url))
            writer.execute("CREATE TABLE not_captured ()")  # nobody is notified, which a prepared one must not do
            written = token(writer)
            writer.execute("PREPARE TRANSACTION 'one'")
            writer.commit()
            worker = start("run", PROJECTOR_DATABASE_URL=url)
            worker.wait_for(r"\bready\b")
            assert goes_on(client, written)
            writer.autocommit = True
            writer.execute("COMMIT PREPARED 'one'")
            assert verdict(client, written) == b"1"
        worker.stop()
