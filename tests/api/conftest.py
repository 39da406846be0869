"""Redis for the tests of the read API, and the application over it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient
from pydantic import SecretStr

from api.app import create_app
from projector.settings import Settings
from tests.api.store import OwnStore, Store


@pytest.fixture
def store(redis_url: str) -> Iterator[Store]:
    """An empty Redis where every kind of document counts as built."""
    store = Store(redis_url)
    store.build()
    yield store
    store.close()


@pytest.fixture
def own_store(tmp_path: Path) -> Iterator[OwnStore]:
    """A server that the test may stop, freeze and reconfigure."""
    store = OwnStore(tmp_path)
    store.start()
    store.build()
    yield store
    store.stop()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def client(store: Store) -> AsyncIterator[AsyncClient]:
    """Talks to the application in this process."""
    async with api_client(store.url) as client:
        yield client


def api_client(redis_url: str, redis_timeout_seconds: float = 5) -> AbstractAsyncContextManager[AsyncClient]:
    """A client of a started application that reads from `redis_url`."""
    settings = Settings(redis_url=SecretStr(redis_url), redis_timeout_seconds=redis_timeout_seconds)
    return _started(settings)


@asynccontextmanager
async def _started(settings: Settings) -> AsyncIterator[AsyncClient]:
    app = create_app(settings)
    transport = ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=transport, base_url="http://api") as client,
    ):
        yield client
