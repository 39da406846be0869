"""Real servers for every test: one PostgreSQL and one Redis-compatible server for the whole run, a fresh database
for each test, copied from a template.

They keep their files in memory where /dev/shm has room: on a disk a copy of a database costs five times as much. TMPDIR
chooses another place. PROJECTOR_DATABASE_URL and PROJECTOR_REDIS_URL replace the embedded servers. The Redis database
must be empty: the tests flush it.
"""

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import redis

from projector.database import connect_blocking
from projector.demo.erp import create_schema, generate
from projector.demo.processes import Command
from projector.demo.servers import embedded_postgresql, embedded_redis
from projector.indexes import missing_indexes
from projector.install import install
from projector.settings import Settings
from tests.forked import ForkedCommand

_GIVEN_DATABASE = os.environ.pop("PROJECTOR_DATABASE_URL", None)
_GIVEN_REDIS = os.environ.pop("PROJECTOR_REDIS_URL", None)
# Tests that stop a process at the n-th batch, or count messages and events, mean those of their own changes.
os.environ.setdefault("PROJECTOR_HEARTBEAT_SECONDS", "0")
# Tests look for lines as a terminal shows them.
os.environ.setdefault("PROJECTOR_LOG_FORMAT", "text")
_numbers = itertools.count(1)
_MEMORY = Path("/dev/shm")  # noqa: S108
_ROOM = 4 * 2**30


def _has_room(folder: Path) -> bool:
    """And takes files of ours that may be run."""
    usable = folder.is_dir() and os.access(folder, os.W_OK) and not os.statvfs(folder).f_flag & os.ST_NOEXEC
    return usable and shutil.disk_usage(folder).free > _ROOM


if "TMPDIR" not in os.environ and _has_room(_MEMORY):
    os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)

_CARELESS = ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_wal_size = '64MB'")
_LONG = ("tests/faults/", "tests/properties/", "tests/test_bench.py")
"""These begin first: one that began last would run alone in the end, when the others have nothing left to do."""
SCALE = 0.03
"""30 products, 60 customers, 300 orders: small enough to compare every document after every test."""


@dataclass(frozen=True)
class Postgres:
    """A server on which databases come and go."""

    url: str

    def database_url(self, name: str) -> str:
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode())

    @contextmanager
    def fresh_database(self, template: str = "template0") -> Iterator[str]:
        name = f"projector_test_{os.getpid()}_{next(_numbers)}"
        self.execute(f'CREATE DATABASE {name} TEMPLATE "{template}"')
        try:
            yield self.database_url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(_LONG))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    if _GIVEN_DATABASE:
        yield Postgres(_GIVEN_DATABASE)
        return
    with embedded_postgresql() as url:
        server = Postgres(url)
        # The server outlives every test; only the machine's crash could lose what is not flushed.
        for setting in _CARELESS:
            server.execute(f"ALTER SYSTEM SET {setting}")
        server.execute("SELECT pg_reload_conf()")
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    with ExitStack() as stack:
        url = _GIVEN_REDIS or stack.enter_context(embedded_redis())
        with redis.Redis.from_url(url) as client:
            if client.dbsize():
                pytest.exit("PROJECTOR_REDIS_URL names a database that is not empty; the tests would flush it.", 2)
        yield url


@pytest.fixture
def database_url(postgres: Postgres) -> Iterator[str]:
    """An empty database."""
    with postgres.fresh_database() as url:
        yield url


@pytest.fixture
def redis_url(redis_server: str) -> Iterator[str]:
    """An empty Redis-compatible server."""
    with redis.Redis.from_url(redis_server) as client:
        client.flushdb()
        yield redis_server
        client.flushdb()


@pytest.fixture(scope="session")
def erp_template(postgres: Postgres) -> Iterator[str]:
    """A database with a small ERP and the indexes that `check` proposes, to be copied."""
    with postgres.fresh_database() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            create_schema(connection)
            generate(connection, scale=SCALE)
        settings = Settings(database_url=url)
        with connect_blocking(settings, "test") as connection:
            for index in missing_indexes(connection, "public"):
                connection.execute(index.statement.encode())
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture(scope="session")
def installed_template(postgres: Postgres, erp_template: str) -> Iterator[str]:
    """The same with the projector installed."""
    with postgres.fresh_database(erp_template) as url:
        install(Settings(database_url=url))
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
def erp_url(postgres: Postgres, erp_template: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database with a small ERP; nothing is installed unless the test asks for `installed`."""
    is_installed = "installed" in request.fixturenames
    template = request.getfixturevalue("installed_template") if is_installed else erp_template
    with postgres.fresh_database(template) as url:
        yield url


@pytest.fixture
def settings(erp_url: str, redis_url: str) -> Settings:
    """Settings for a small ERP and an empty Redis."""
    return Settings(database_url=erp_url, redis_url=redis_url)


@pytest.fixture
def installed(settings: Settings) -> Settings:
    """The same with the projector installed and nothing built."""
    return settings


@pytest.fixture
def erp(erp_url: str) -> Iterator[psycopg.Connection]:
    """An ERP session in autocommit."""
    with psycopg.connect(erp_url, autocommit=True) as connection:
        yield connection


Start = Callable[..., Command]


@pytest.fixture
def start(tmp_path: Path, erp_url: str, redis_url: str) -> Iterator[Start]:
    """Starts real commands against the test's servers; all are stopped at the end."""
    commands: list[Command] = []

    def start_command(*arguments: str, **environment: str) -> Command:
        servers = {"PROJECTOR_DATABASE_URL": erp_url, "PROJECTOR_REDIS_URL": redis_url}
        log = tmp_path / f"{arguments[0]}-{len(commands)}.log"
        commands.append(ForkedCommand(arguments, servers | environment, log))
        return commands[-1]

    yield start_command
    for command in commands:
        command.stop()
