"""Commands against the servers of the tests, and databases that several tests only read."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from projector.demo.servers import embedded_redis
from projector.names import DOCUMENTS
from projector.rebuild import rebuild
from projector.settings import Settings
from tests.acceptance.commands import Projector
from tests.acceptance.databases import login_role
from tests.conftest import Postgres


@pytest.fixture
def projector(tmp_path: Path, erp_url: str, redis_url: str) -> Projector:
    """The command line, with the test's own ERP and an empty Redis."""
    return _projector(tmp_path, erp_url, redis_url)


@pytest.fixture
def cache(redis_url: str) -> Iterator["redis.Redis"]:
    """A client of the test's Redis."""
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def built(installed: Settings) -> Settings:
    """Settings of an ERP with the projector installed and every document live."""
    asyncio.run(rebuild(installed, DOCUMENTS))
    return installed


@pytest.fixture
def plain_erp_url(erp_url: str) -> str:
    """The ERP as it comes: without an index on any foreign key."""
    with psycopg.connect(erp_url, autocommit=True) as connection:
        proposed = "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND indexname LIKE 'projector%'"
        for (name,) in connection.execute(proposed).fetchall():
            connection.execute(f'DROP INDEX "{name}"'.encode())
    return erp_url


@pytest.fixture(scope="module")
def shared_erp_url(postgres: Postgres, erp_template: str) -> Iterator[str]:
    """An ERP for all tests of a module."""
    with postgres.fresh_database(erp_template) as url:
        yield url


@pytest.fixture(scope="module")
def shared_redis_url() -> Iterator[str]:
    """A Redis for all tests of a module."""
    with embedded_redis() as url:
        yield url


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, shared_erp_url: str, shared_redis_url: str) -> Projector:
    """The command line for all tests of a module, nothing installed."""
    return _projector(tmp_path_factory.mktemp("shared"), shared_erp_url, shared_redis_url)


def _projector(folder: Path, database_url: str, redis_url: str) -> Projector:
    return Projector(folder, {"PROJECTOR_DATABASE_URL": database_url, "PROJECTOR_REDIS_URL": redis_url})


@pytest.fixture
def role(erp_url: str) -> Iterator[str]:
    """A role that may log in, and nothing else."""
    with login_role(erp_url, f"projector_role_{os.getpid()}") as name:
        yield name
