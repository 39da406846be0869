"""A rebuild can be asked for with any id that fits in 64 bits, and none of them stops the worker."""

import psycopg
import pytest
import redis

from projector.names import ENTITIES, REFRESH_STREAM
from projector.settings import Settings
from tests.conftest import Start
from tests.waiting import wait_until


@pytest.mark.parametrize("entity_id", [-(2**63), 2**63 - 1])
def test_ids_at_the_edge_are_rebuilt_like_any_other(
    entity_id: int, installed: Settings, erp: psycopg.Connection, start: Start
) -> None:
    """Claimed alone, so that the next claim goes on behind it."""
    start("rebuild").wait_for(r"rebuilt \d+ documents")
    worker = start("run")
    worker.wait_for("ready")
    with redis.Redis.from_url(installed.redis()) as client:
        for requested in (entity_id, 1):
            wait_until(lambda: is_empty(erp), what="an empty backlog")
            for entity in ENTITIES:
                client.xadd(REFRESH_STREAM, {"document": entity, "id": requested})
            wait_until(lambda: client.xlen(REFRESH_STREAM) == 0, what="an empty stream")
    wait_until(lambda: is_empty(erp), what="an empty backlog")
    assert worker.process.poll() is None, worker.output()


def is_empty(erp: psycopg.Connection) -> bool:
    found = erp.execute("SELECT NOT EXISTS (TABLE projector.backlog)").fetchone()
    return found is not None and bool(found[0])
