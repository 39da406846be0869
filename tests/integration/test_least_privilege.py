"""Worker and API with no more rights than they need: roles of PostgreSQL, users of Redis, TLS to both servers."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import psycopg
import pytest
import redis
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from projector.database import connect_blocking
from projector.install import install
from projector.redis_acl import acl_commands
from projector.remove import forget_documents
from projector.roles import OWNER, WORKER, route_reads
from projector.sections import Route
from projector.settings import Settings
from tests.conftest import Start
from tests.tls import make_certificate, tls_relay
from tests.waiting import wait_until

PASSWORD = "a-password"  # noqa: S105


@dataclass(frozen=True)
class Narrow:
    """The environments of worker and API, by the most narrow way in, and an ERP session under a role of its own."""

    worker: dict[str, str]
    api: dict[str, str]
    erp: psycopg.Connection


@pytest.fixture
def roles(settings: Settings, erp: psycopg.Connection) -> Iterator[str]:
    """The installation with its roles; returns a login that is a worker, and drops the roles at the end."""
    login = f"worker_{os.getpid()}"
    install(settings, roles=True)
    erp.execute(f"CREATE ROLE {login} LOGIN PASSWORD '{PASSWORD}'".encode())
    erp.execute(f"GRANT {WORKER} TO {login}".encode())
    yield login
    erp.execute("RESET ROLE")
    erp.execute("DROP SCHEMA projector CASCADE")
    for role in (login, WORKER, OWNER):
        erp.execute(f"DROP OWNED BY {role} CASCADE".encode())
        erp.execute(f"DROP ROLE {role}".encode())


@pytest.fixture
def users(redis_url: str) -> Iterator[redis.Redis]:
    """The two users in Redis, with passwords, and an empty log of what was denied."""
    with redis.Redis.from_url(redis_url) as admin:
        for command in acl_commands():
            admin.execute_command(*command.split())
            admin.execute_command("ACL", "SETUSER", command.split()[2], f">{PASSWORD}")
        admin.acl_log_reset()
        yield admin
        for command in acl_commands():
            admin.acl_deluser(command.split()[2])


@pytest.fixture
def narrow(roles: str, users: redis.Redis, erp: psycopg.Connection, redis_url: str, tmp_path: Path) -> Iterator[Narrow]:
    """Through TLS with a certificate that was made for this test."""
    clerk = f"clerk_{os.getpid()}"
    certificate, place = make_certificate(tmp_path), conninfo_to_dict(erp.info.dsn)
    socket = f"{place.get('host') or erp.info.host}/.s.PGSQL.{erp.info.port}"
    target = urlsplit(redis_url)
    with ExitStack() as stack:
        database = stack.enter_context(tls_relay(certificate, socket=socket))
        documents = stack.enter_context(tls_relay(certificate, host=target.hostname, port=target.port or 6379))
        tls = f"sslmode=verify-full&sslrootcert={quote(str(certificate))}"
        url = f"postgresql://{roles}:{PASSWORD}@localhost:{database}/{erp.info.dbname}?{tls}"
        in_redis = [
            f"rediss://{user}:{PASSWORD}@localhost:{documents}/0?ssl_ca_certs={quote(str(certificate))}"
            for user in ("projector-worker", "projector-api")
        ]
        erp.execute(f"CREATE ROLE {clerk}".encode())
        erp.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON products, sales_orders, customers TO {clerk}".encode())
        erp.execute(f"SET ROLE {clerk}".encode())
        yield Narrow(
            {"PROJECTOR_DATABASE_URL": url, "PROJECTOR_REDIS_URL": in_redis[0]},
            {"PROJECTOR_DATABASE_URL": "", "PROJECTOR_REDIS_URL": in_redis[1]},
            erp,
        )
        erp.execute("RESET ROLE")
        erp.execute(f"DROP OWNED BY {clerk}".encode())
        erp.execute(f"DROP ROLE {clerk}".encode())


def name_of(address: str, product: int) -> str:
    found: str = httpx.get(f"{address}/api/mobile/products/{product}/complete").json()["data"]["product"]["name"]
    return found


def test_everything_works_with_the_fewest_rights_and_through_tls(
    narrow: Narrow, users: redis.Redis, start: Start
) -> None:
    """First build, changes of a role that knows nothing of us, requests for rebuilds, verify, status and check."""
    start("rebuild", **narrow.worker).wait_for(r"rebuilt \d+ documents")
    start("run", **narrow.worker).wait_for("ready")
    address = start("serve", "--port", "0", **narrow.api).wait_for(r"Listening on (http://\S+)")[1]
    narrow.erp.execute("UPDATE products SET name = 'renamed' WHERE id = 1")
    wait_until(lambda: name_of(address, 1) == "renamed", what="the new name")
    assert httpx.post(f"{address}/api/mobile/products/1/invalidate-cache").status_code == 202
    wait_until(lambda: users.xlen("projector:refresh") == 0, what="the request taken up")
    reports = [start(*command, **narrow.worker) for command in (("verify", "--repair"), ("status",), ("check",))]
    assert [report.output() for report in reports if report.process.wait(60)] == []
    assert "cannot be followed" not in reports[-1].output()
    assert users.acl_log() == []


def test_the_workers_role_reads_of_the_erp_what_sections_read_and_writes_nothing(
    roles: str, erp: psycopg.Connection
) -> None:
    erp.execute(f"SET ROLE {roles}".encode())
    erp.execute("SELECT name FROM users")
    assert erp.execute("SELECT count(*) FROM projector.product_inventory").fetchone() != (0,)
    for statement in (
        "SELECT password FROM users",
        "SELECT cost_price FROM products",
        "SELECT * FROM customers",
        "UPDATE products SET name = name",
        "DELETE FROM projector.installation",
        "INSERT INTO projector.captured_column VALUES ('products', 'cost_price', 1, 1)",
        "DROP VIEW projector.product_inventory",
        "CREATE TABLE projector.other ()",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            erp.execute(statement.encode())
    erp.execute("RESET ROLE")


def test_what_only_a_route_reads_is_found_too(installed: Settings) -> None:
    """And a route that this ERP cannot follow reads nothing."""
    query = "SELECT a.customer_id FROM customer_addresses a WHERE a.city = ANY($1) OR a.id = ANY($2)"
    with connect_blocking(installed, "test") as connection, connection.transaction():
        found = route_reads(connection, Route("cities", ("name", "id"), query))
        assert found == {"customer_addresses": frozenset({"customer_id", "city", "id"})}
        assert route_reads(connection, Route("cities", ("id",), "SELECT nothing FROM nowhere WHERE id = ANY($1)")) == {}


def test_an_installation_that_has_roles_keeps_them(roles: str, settings: Settings, erp: psycopg.Connection) -> None:
    """What a later version brings is the owner's too, or triggers that run as the owner could not reach it."""
    erp.execute("DROP VIEW projector.product_reviews; DROP FUNCTION projector.capture_products_update() CASCADE")
    erp.execute("CREATE TABLE projector.brought_later ()")
    install(settings)
    others = erp.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'projector'::regnamespace AND relkind IN ('r', 'v', 'S')"
        " AND relowner <> 'projector_owner'::regrole UNION SELECT proname FROM pg_proc WHERE pronamespace ="
        " 'projector'::regnamespace AND proowner <> 'projector_owner'::regrole"
    ).fetchall()
    assert others == []
    assert erp.execute(
        "SELECT has_table_privilege('projector_worker', 'projector.product_reviews', 'SELECT')"
    ).fetchone() == (True,)


def test_a_dry_run_prints_the_roles_and_makes_none(settings: Settings, erp: psycopg.Connection) -> None:
    statements = "\n".join(install(settings, dry_run=True, roles=True).statements)
    assert "CREATE ROLE projector_worker" in statements
    assert 'GRANT SELECT ("branch_id", "id"' in statements
    assert erp.execute("SELECT to_regrole('projector_worker')").fetchone() == (None,)


def test_a_certificate_of_somebody_else_is_refused(narrow: Narrow, start: Start, tmp_path: Path) -> None:
    """By each of the three that connect: what asks PostgreSQL, what writes Redis, and what reads it."""
    (tmp_path / "other").mkdir()
    other = quote(str(make_certificate(tmp_path / "other")))
    wrong = {name: url.replace(quote(str(tmp_path / "ca.pem")), other) for name, url in narrow.worker.items()}
    database, documents = wrong["PROJECTOR_DATABASE_URL"], wrong["PROJECTOR_REDIS_URL"]
    for command, environment, words in (
        ("status", narrow.worker | {"PROJECTOR_DATABASE_URL": database}, "certificate verify failed"),
        ("verify", narrow.worker | {"PROJECTOR_REDIS_URL": documents}, "certificate verify failed"),
        ("serve", narrow.api | {"PROJECTOR_REDIS_URL": documents}, "certificate verify failed"),
    ):
        start(command, *(["--port", "0"] if command == "serve" else []), **environment).wait_for(words)


def test_the_users_in_redis_do_what_they_must_and_nothing_else(users: redis.Redis, redis_url: str) -> None:
    users.hset("bff:product:1:complete", "product", "{}")
    users.hset("projector:state", "epoch", "1")
    parts = urlsplit(redis_url)
    with redis.Redis(parts.hostname or "", parts.port or 6379, username="projector-api", password=PASSWORD) as api:
        assert api.hmget("bff:product:1:complete", "product") == [b"{}"]
        api.xadd("projector:refresh", {"document": "product", "id": "1"})
        for command in (
            ("HSET", "bff:product:1:complete", "product", "[]"),
            ("DEL", "bff:product:1:complete"),
            ("XADD", "bff:new", "*", "a", "b"),
            ("HMGET", "other", "field"),
            ("XRANGE", "projector:refresh", "-", "+"),
            ("PUBLISH", "projector:changes", "x"),
            ("SUBSCRIBE", "other"),
            ("KEYS", "*"),
            ("FLUSHALL",),
            ("ACL", "LIST"),
        ):
            with pytest.raises(redis.exceptions.NoPermissionError):
                api.execute_command(*command)
    with redis.Redis(
        parts.hostname or "", parts.port or 6379, username="projector-worker", password=PASSWORD
    ) as worker:
        for command in (
            ("GET", "other"),
            ("DEL", "other"),
            ("FLUSHALL",),
            ("CONFIG", "GET", "*"),
            ("EVAL", "return redis.call('GET', KEYS[1])", "1", "other"),
        ):
            with pytest.raises(redis.exceptions.NoPermissionError):
                worker.execute_command(*command)
    as_worker = f"redis://projector-worker:{PASSWORD}@{parts.hostname}:{parts.port}/0"
    assert asyncio.run(forget_documents(Settings(redis_url=SecretStr(as_worker)))) == 1
