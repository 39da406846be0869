"""health says that the process answers, ready that it can answer everything."""

from pathlib import Path

import pytest
from httpx import AsyncClient

from projector import __version__
from projector.names import DOCUMENTS
from tests.api.conftest import api_client
from tests.api.store import Store

pytestmark = pytest.mark.anyio


async def test_health_needs_nothing(tmp_path: Path) -> None:
    async with api_client(f"unix://{tmp_path}/nobody.sock") as client:
        response = await client.get("/api/mobile/health")
    assert response.status_code == 200
    assert response.json() == {
        "status": "healthy",
        "service": "mobile-bff",
        "version": __version__,
    }


async def test_ready_when_redis_answers_and_everything_was_built(client: AsyncClient) -> None:
    response = await client.get("/api/mobile/ready")
    assert response.status_code == 200
    assert response.json() == {"status": "ready", "service": "mobile-bff", "waiting_for": []}


@pytest.mark.parametrize("kind", DOCUMENTS)
async def test_ready_waits_for_the_first_build_of_every_kind(kind: str, store: Store, client: AsyncClient) -> None:
    store.redis.hdel("projector:state", f"built:{kind}")
    response = await client.get("/api/mobile/ready")
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) >= 1
    assert response.json() == {
        "success": False,
        "error": f"Not ready, waiting for built:{kind}",
        "details": {"code": "not_ready", "waiting_for": [f"built:{kind}"]},
    }


async def test_ready_names_everything_that_is_missing(store: Store, client: AsyncClient) -> None:
    store.empty()
    waiting_for = (await client.get("/api/mobile/ready")).json()["details"]["waiting_for"]
    assert waiting_for == [f"built:{kind}" for kind in DOCUMENTS]


async def test_ready_waits_for_redis(tmp_path: Path) -> None:
    async with api_client(f"unix://{tmp_path}/nobody.sock") as client:
        response = await client.get("/api/mobile/ready")
    assert response.status_code == 503
    assert response.json()["details"] == {"code": "not_ready", "waiting_for": ["redis"]}
