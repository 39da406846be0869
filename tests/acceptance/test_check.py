"""projector check: whether an installation is sound, and what to do where it is not."""

import asyncio
import json
import os
import re

import psycopg
import pytest
import redis
from pydantic import SecretStr

from projector import surroundings
from projector.database import connect_blocking
from projector.findings import Level
from projector.redis_soundness import check_redis
from projector.settings import Settings
from projector.surroundings import check_surroundings, is_local
from tests.acceptance.commands import Projector
from tests.acceptance.databases import login_role, url_of
from tests.acceptance.servers import own_redis

DAMAGE = {
    "ALTER TABLE products DISABLE TRIGGER projector_capture_update": ("products", "update", "disabled"),
    "ALTER TABLE sales_items DISABLE TRIGGER ALL": ("sales_items", "insert", "disabled"),
    "ALTER TABLE users ENABLE REPLICA TRIGGER projector_capture_insert": ("users", "insert", "disabled"),
    "DROP TRIGGER projector_capture_delete ON customers": ("customers", "delete", "missing"),
    "DROP FUNCTION projector.capture_reviews_insert CASCADE": ("reviews", "insert", "missing"),
    "DROP VIEW projector.product_pricing": ("product.pricing",),
    "ALTER VIEW projector.order_items RENAME TO order_lines": ("order.items",),
    "CREATE OR REPLACE VIEW projector.product_images AS"
    " SELECT id, to_json(name) AS value, now() AS valid_until FROM suppliers": ("product.images", "suppliers"),
}
"""Damage to an installation, and what the line must hold that tells of it."""


def test_a_sound_installation_has_nothing_to_say_but_ok(projector: Projector, built: Settings) -> None:
    text, machine = projector.each([("check",), ("check", "--json")])
    assert (text.code, text.err, machine.code) == (0, "", 0)
    assert {line.split()[0] for line in text.out.splitlines()} == {"ok"}
    report = json.loads(machine.out)
    assert (report["sound"], report["indexes"]) == (True, [])
    assert all(found.keys() == {"level", "subject", "message"} for found in report["findings"])


def test_the_indexes_that_it_proposes_are_all_that_it_wants(projector: Projector, plain_erp_url: str) -> None:
    """Each is a statement that is run as it was printed; the next check proposes none."""
    projector("install")
    text, machine = projector.each([("check",), ("check", "--json")])
    assert text.code == 0
    proposals = [line for line in text.out.splitlines() if line.startswith("CREATE INDEX")]
    assert f"{len(proposals)} are missing" in text.out
    assert len(proposals) > 5
    assert len(json.loads(machine.out)["indexes"]) == len(proposals)
    with psycopg.connect(plain_erp_url, autocommit=True) as connection:
        for proposal in proposals:
            assert re.search(r";  -- for \w+\.\w+", proposal)
            connection.execute(proposal.encode())
    report = json.loads(projector("check", "--json").out)
    assert report["indexes"] == []
    assert {found["level"] for found in report["findings"]} == {"ok"}


@pytest.fixture(scope="module")
def damaged(shared: Projector, shared_erp_url: str) -> Projector:
    """An installation in which each part of DAMAGE was damaged."""
    assert shared("install").code == 0
    with psycopg.connect(shared_erp_url, autocommit=True) as connection:
        for damage in DAMAGE:
            connection.execute(damage.encode())
    return shared


@pytest.fixture(scope="module")
def errors(damaged: Projector) -> list[str]:
    """What check says of it."""
    answer = damaged("check")
    assert (answer.code, answer.err) == (1, ""), answer
    return [line for line in answer.out.splitlines() if line.startswith("error")]


@pytest.mark.parametrize(("damage", "words"), DAMAGE.items())
def test_what_is_damaged_is_named_with_the_remedy(damage: str, words: tuple[str, ...], errors: list[str]) -> None:
    lines = [line for line in errors if all(word in line for word in words)]
    assert lines, errors
    assert all("projector install" in line for line in lines)


def test_the_remedy_that_check_names_repairs_everything(damaged: Projector, errors: list[str]) -> None:
    assert damaged("install").code == 0
    after = damaged("check")
    assert [line for line in after.out.splitlines() if line.startswith("error")] == []
    assert after.code == 0


def test_a_time_zone_that_was_not_installed_is_an_error(projector: Projector, installed: Settings) -> None:
    elsewhere = projector.given(PROJECTOR_TIMEZONE="Europe/Berlin")
    answer = elsewhere("check")
    assert answer.code == 1
    assert "Asia/Baghdad" in answer.out
    assert "PROJECTOR_TIMEZONE says Europe/Berlin" in answer.out
    assert "Europe/Berlin" in elsewhere("rebuild").refusal()


@pytest.mark.parametrize(
    ("policy", "level"),
    [("allkeys-lru", "warning"), ("noeviction", "ok")],
)
def test_a_redis_that_may_drop_documents_is_warned_of(
    policy: str, level: str, projector: Projector, installed: Settings
) -> None:
    with own_redis(maxmemory=100_000_000, maxmemory_policy=policy) as url:
        answer = projector("check", PROJECTOR_REDIS_URL=url)
    assert answer.code == 0
    (line,) = [line for line in answer.out.splitlines() if "redis memory" in line]
    assert line.startswith(level)
    assert policy in line
    assert level == "ok" or "noeviction" in line


def test_a_replica_cannot_be_written_and_is_an_error(projector: Projector, installed: Settings, redis_url: str) -> None:
    host, _, port = redis_url.rpartition("/")[0].rpartition("/")[2].partition(":")
    with own_redis() as url, redis.Redis.from_url(url) as client:
        client.replicaof(host, port)
        answer = projector("check", PROJECTOR_REDIS_URL=url)
    assert answer.code == 1
    assert "replica" in answer.out


def test_what_keeps_a_worker_from_its_work_is_named(projector: Projector, installed: Settings, erp_url: str) -> None:
    """An interrupted index, a pause, a role that may not write the queues, a clock that was moved."""
    with psycopg.connect(erp_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE doubles (number int)")
        connection.execute("INSERT INTO doubles VALUES (1), (1)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("CREATE UNIQUE INDEX CONCURRENTLY projector_doubles ON doubles (number)")
        connection.execute("SELECT projector.pause()")
        with login_role(erp_url, f"reader_{os.getpid()}") as role:
            for schema in ("public", "projector"):
                connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {role}".encode())
                connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}".encode())
            moved = projector.given(PROJECTOR_CLOCK_OFFSET_SECONDS="86400")
            answer = moved("check", PROJECTOR_DATABASE_URL=url_of(erp_url, role))
    assert answer.code == 1
    for level, *words in (
        ("warning", "index public.projector_doubles", "DROP INDEX CONCURRENTLY public.projector_doubles"),
        ("error", "capture: paused since", "projector resume"),
        ("error", "rights", role, "asleep", "outbox", "projector_worker"),
        ("warning", "clock offset", "PROJECTOR_CLOCK_OFFSET_SECONDS"),
    ):
        lines = [line for line in answer.out.splitlines() if line.startswith(level)]
        assert any(all(word in line for word in words) for line in lines), (words, lines)


def test_what_makes_a_worker_slow_or_endangers_it_is_a_warning(
    installed: Settings, erp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long transaction, no room for another worker, clocks that differ, servers of which one may be a standby."""
    with connect_blocking(installed, "check") as connection, psycopg.connect(erp_url) as long:
        assert {it.level for it in check_surroundings(connection, installed)} == {Level.OK}
        long.execute("SELECT 1")
        monkeypatch.setattr(surroundings, "LONG_HOURS", 0.0)
        monkeypatch.setattr(surroundings, "CONNECTIONS_OF_A_WORKER", 1_000_000)
        monkeypatch.setattr(surroundings, "CLOCK_SECONDS", -1.0)
        two = installed.model_copy(update={"database_url": SecretStr("postgresql://u@a,b/erp")})
        found = {it.subject: it for it in check_surroundings(connection, two) if it.level is Level.WARNING}
        assert found.keys() == {"transactions", "connections", "clock", "failover"}
        assert f"pid {long.info.backend_pid}" in found["transactions"].message
        assert "target_session_attrs=read-write" in found["failover"].message


@pytest.mark.parametrize("host", ["", "/run/postgresql", "localhost", "127.0.0.1", "::1"])
def test_nobody_listens_on_the_way_to_this_machine(host: str) -> None:
    assert is_local(host)
    assert not is_local("db.example")
    assert not is_local("10.0.0.7")


def test_a_redis_that_may_fail_is_told_of(installed: Settings) -> None:
    """Nearly full, with files that do more harm than good, and fewer replicas than are waited for."""
    with own_redis(maxmemory_policy="noeviction") as url:
        given = installed.model_copy(update={"redis_url": SecretStr(url), "redis_wait_replicas": 1})
        with redis.Redis.from_url(url) as client:
            client.setbit("filler", 160_000_000, 1)
            client.config_set("maxmemory", int(client.info()["used_memory"] / 0.93))
            client.save()
            client.config_set("appendonly", "yes")
        found = {it.subject: it for it in asyncio.run(check_redis(given))}
    assert {it.level for name, it in found.items() if name != "redis"} == {Level.WARNING, Level.ERROR}
    assert found["redis replicas"].level is Level.ERROR
    assert found.keys() == {"redis", "redis memory", "redis replicas", "redis snapshots", "redis append-only file"}
