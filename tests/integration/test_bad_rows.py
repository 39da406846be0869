"""One bad row spoils one document: what cannot be built keeps its last good bytes, everything else goes on."""

import json

import httpx
import psycopg
import pytest
import redis

from projector.install import install
from projector.settings import Settings
from tests.conftest import Start
from tests.properties.judgement import judge, wait_for_empty_queues
from tests.waiting import wait_until

BROKEN = {
    "product_reviews": ("product", "id, value, valid_until", "id % 7 = 3"),
    "dashboard_period": ("dashboard", "id, range, value, valid_until", "id % 2 = 0"),
}


def break_section(erp: psycopg.Connection, view: str) -> None:
    """Makes a section divide by zero for some ids, as a bad row would."""
    _, columns, condition = BROKEN[view]
    erp.execute(f"ALTER VIEW projector.{view} RENAME TO {view}_sound")
    chosen = columns.replace("value", f"CASE WHEN {condition} THEN to_json(1 / (id - id)) ELSE value END")
    erp.execute(f"CREATE VIEW projector.{view} ({columns}) AS SELECT {chosen} FROM projector.{view}_sound")


def mend_section(erp: psycopg.Connection, settings: Settings, view: str) -> None:
    erp.execute(f"DROP VIEW projector.{view}")
    erp.execute(f"ALTER VIEW projector.{view}_sound RENAME TO {view}")
    install(settings)


def letters(erp: psycopg.Connection) -> set[tuple[int, str]]:
    return set(erp.execute("SELECT id, section FROM projector.dead_letter").fetchall())


@pytest.mark.timeout(240)
@pytest.mark.parametrize("view", BROKEN)
def test_a_failing_section_degrades_its_documents_and_nothing_else(
    installed: Settings, start: Start, erp: psycopg.Connection, redis_url: str, view: str
) -> None:
    """Documents of bad rows name the section in `degraded` and keep its old bytes; all others are current; when the
    cause is gone the letters go, too, and every document equals the oracle."""
    document, section = view.split("_", 1)
    start("run").wait_for(r"\bready\b")
    address = start("serve", "--port", "0").wait_for(r"Listening on (http://\S+)")[1]
    wait_for_empty_queues(erp)
    break_section(erp, view)
    bad = {id_ for (id_,) in erp.execute(f"SELECT id FROM projector.{document} WHERE {BROKEN[view][2]}")}
    rebuild = start("rebuild", "--entity", document)
    assert rebuild.process.wait(60) == 1
    assert f"{len(bad)} sections could not be built" in rebuild.output()
    assert letters(erp) == {(id_, section) for id_ in bad}
    with redis.Redis.from_url(redis_url) as client:
        key = f"bff:product:{min(bad)}:complete"
        if document == "dashboard":
            key = f"bff:dashboard:salesperson:{min(bad)}:today"
        assert json.loads(client.hget(key, "degraded")) == [section]
        assert client.hget(key, section) is not None
    erp.execute("UPDATE products SET name = 'goes on' WHERE id = 3")
    wait_until(lambda: _name(address, 3) == "goes on", what="the product's other sections")
    mend_section(erp, installed, view)
    erp.execute("UPDATE projector.dead_letter SET retry_at = now()")
    wait_until(lambda: not letters(erp), what="no dead letters")
    wait_for_empty_queues(erp)
    judge(erp, address)


def _name(address: str, id_: int) -> str:
    answer = httpx.get(f"{address}/api/mobile/products/{id_}/complete")
    return answer.json()["data"]["product"]["name"]
