"""projector verify: finds what Redis serves otherwise than a fresh build would say, and names it."""

import json

import psycopg
import pytest
import redis

from projector.names import version_field
from projector.settings import Settings
from tests.acceptance.commands import Projector
from tests.acceptance.documents import read_field, read_fresh, read_keys, read_served
from tests.conftest import Start
from tests.waiting import wait_until

TAMPERED, DELETED, ORPHAN = (f"bff:order:{id_}:complete" for id_ in (5, 6, 999_999))


@pytest.fixture
def spoiled(built: Settings, cache: "redis.Redis") -> Settings:
    """One document tampered with, one deleted, one of an entity that never was."""
    payment = json.loads(read_field(cache, TAMPERED, "payment"))
    cache.hset(TAMPERED, "payment", json.dumps(payment | {"total_amount": 1}))
    cache.delete(DELETED)
    cache.copy("bff:order:1:complete", ORPHAN)
    return built


def test_nothing_differs_after_a_rebuild(projector: Projector, built: Settings, erp_url: str) -> None:
    answer = projector("verify", "--json")
    assert (answer.code, answer.err) == (0, "")
    report = json.loads(answer.out)
    ids = {key.rpartition(":")[0] if "salesperson" in key else key for key in read_fresh(erp_url)}
    assert report == {"compared": len(ids), "repaired": 0, "differences": []}


def test_what_differs_is_named_with_its_section_and_how(projector: Projector, spoiled: Settings) -> None:
    """In lines for people, and the same as JSON."""
    text, machine = projector.each([("verify",), ("verify", "--json")])
    assert (text.code, machine.code) == (1, 1)
    lines = {line.split(" ", 1)[0]: line for line in text.out.splitlines()}
    assert set(lines) == {TAMPERED, DELETED, ORPHAN}
    assert "payment: total_amount is served as 1, built as" in lines[TAMPERED]
    assert lines[DELETED].endswith("not served")
    assert lines[ORPHAN].endswith("the entity does not exist")
    assert "3 differences" in text.err
    report = json.loads(machine.out)
    assert report.keys() == {"compared", "repaired", "differences"}
    told = {f"{found['key']} {found['section']}: {found['detail']}" for found in report["differences"]}
    assert told == set(lines.values())


def test_repair_publishes_what_differs_anew(
    projector: Projector, spoiled: Settings, erp_url: str, cache: "redis.Redis"
) -> None:
    """Even where the tampered section bears a version that no build will ever reach."""
    epoch, order, *rest = read_field(cache, TAMPERED, version_field("payment")).split()
    cache.hset(TAMPERED, version_field("payment"), " ".join([epoch, "9" * len(order), *rest]))
    answer = projector("verify", "--repair")
    assert answer.code == 1
    assert "3 repaired" in answer.err
    assert read_served(cache) == read_fresh(erp_url)
    assert projector("verify").code == 0


def test_entity_and_sample_bound_what_is_compared(projector: Projector, spoiled: Settings) -> None:
    """Without them every document is; a sample is of each kind."""
    others, orders, sample = projector.each(
        [
            ("verify", "--entity", "dashboard", "-e", "customer", "-e", "product"),
            ("verify", "--entity", "order"),
            ("verify", "--entity", "customer", "-e", "product", "--sample", "1", "--json"),
        ]
    )
    assert (others.code, others.out) == (0, "")
    assert (orders.code, len(orders.out.splitlines())) == (1, 3)
    assert (sample.code, json.loads(sample.out)["compared"]) == (0, 5)


def test_keys_that_are_not_the_projectors_are_left_alone(
    projector: Projector, built: Settings, cache: "redis.Redis"
) -> None:
    others = ("bff:product:abc:complete", "bff:product:99999999999999999999:complete", "bff:product::complete")
    for key in others:
        cache.set(key, "somebody else's")
    for command in ("verify --repair", "rebuild --entity product"):
        answer = projector(*command.split())
        assert answer.code == 0, answer
    assert [cache.get(key) for key in others] == [b"somebody else's"] * len(others)


def test_a_dashboard_is_compared_in_every_range(projector: Projector, built: Settings, cache: "redis.Redis") -> None:
    """Also that of somebody who is no salesperson any more and of whose documents only one is left."""
    someone = read_keys(cache, "bff:dashboard:salesperson:*:month")[0]
    cache.hset(someone, "recent_orders", '{"items": [], "count": 0, "forged": true}')
    orphan = "bff:dashboard:salesperson:999999:week"
    cache.copy(someone, orphan)
    answer = projector("verify", "--entity", "dashboard")
    assert answer.code == 1
    assert {line.split(" ", 1)[0] for line in answer.out.splitlines()} == {someone, orphan}


def test_a_key_of_another_type_is_a_difference_too(
    projector: Projector, built: Settings, cache: "redis.Redis", erp_url: str
) -> None:
    cache.set("bff:product:1:complete", "not a hash")
    answer = projector("verify", "--entity", "product", "--repair")
    assert answer.code == 1
    assert answer.out.startswith("bff:product:1:complete"), answer
    assert read_served(cache) == read_fresh(erp_url)


def test_a_worker_that_is_still_publishing_is_not_blamed(
    projector: Projector, built: Settings, start: Start, erp_url: str
) -> None:
    start("run").wait_for(r"\bready\b")
    with psycopg.connect(erp_url, autocommit=True) as connection:
        connection.execute("UPDATE products SET unit_price = unit_price + 1")
        assert projector("verify").code == 0
        wait_until(lambda: connection.execute("SELECT count(*) = 0 FROM projector.outbox").fetchone() == (True,))
