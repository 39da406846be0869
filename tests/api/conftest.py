"""Redis for the tests of the read API, and the application over it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient
from pydantic import SecretStr

from api.app import ReadApi, create_app
from api.near_cache import NearCache
from projector.settings import Settings
from tests.api.store import OwnStore, Store
from tests.api.waiting import until


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


def api_client(
    redis_url: str, redis_timeout_seconds: float = 5, near_cache_mb: int = 0
) -> AbstractAsyncContextManager[AsyncClient]:
    """A client, which accepts no compression, of a started application that reads from `redis_url`."""
    settings = Settings(
        redis_url=SecretStr(redis_url),
        api_redis_timeout_seconds=redis_timeout_seconds,
        near_cache_mb=near_cache_mb,
    )
    return started(create_app(settings))


async def near_cache_on(app: ReadApi) -> NearCache:
    """The near cache of a started application, as soon as change messages arrive."""
    near_cache: NearCache = app.state.near_cache

    async def is_on() -> bool:
        return near_cache.is_on

    await until(is_on)
    return near_cache


@asynccontextmanager
async def started(app: ReadApi) -> AsyncIterator[AsyncClient]:
    """The same of any application."""
    transport = ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=transport, base_url="http://api", headers={"accept-encoding": "identity"}) as client,
    ):
        yield client
