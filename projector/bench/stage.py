"""The servers of a bench: a PostgreSQL with ERPs of any scale, Redis-compatible servers, and projector's processes."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import psycopg
import uvloop

from projector.bench.options import Tell
from projector.database import connect_blocking
from projector.demo.erp import create_schema, generate
from projector.demo.processes import running
from projector.demo.servers import embedded_postgresql, embedded_redis
from projector.indexes import missing_indexes
from projector.install import install
from projector.names import DOCUMENTS
from projector.rebuild import rebuild
from projector.settings import Settings


@dataclass(frozen=True, slots=True)
class Site:
    """An ERP with projector installed, and a Redis of its own."""

    database_url: str
    redis_url: str

    @property
    def settings(self) -> Settings:
        return Settings(database_url=self.database_url, redis_url=self.redis_url)

    @property
    def environment(self) -> dict[str, str]:
        return {"PROJECTOR_DATABASE_URL": self.database_url, "PROJECTOR_REDIS_URL": self.redis_url}


@dataclass(frozen=True, slots=True)
class Served:
    """A process that answers HTTP on the loopback interface."""

    port: int
    pid: int


class Stage:
    """Embedded servers, started when first needed and gone at the end; one ERP for each scale, made once."""

    def __init__(self, tell: Tell) -> None:
        self.tell = tell
        self._stack = ExitStack()
        self._server = ""
        self._databases: dict[float, str] = {}
        self._numbers = count(1)

    def __enter__(self) -> Self:
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="projector-bench-")))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def database(self, scale: float) -> str:
        """The URL of an ERP with its indexes and with projector installed; the same one each time."""
        if scale not in self._databases:
            self.tell(f"generating an ERP of scale {scale:g}")
            url = self._databases[scale] = self._create(f"erp_{next(self._numbers)}")
            settings = Settings(database_url=url)
            with psycopg.connect(url, autocommit=True) as connection:
                create_schema(connection)
                generate(connection, scale=scale)
            with connect_blocking(settings, "bench") as connection:
                for index in missing_indexes(connection, "public"):
                    connection.execute(index.statement.encode())
            install(settings)
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")
        return self._databases[scale]

    def copy(self, database_url: str) -> str:
        """The URL of a copy of a database that nobody is connected to."""
        return self._create(f"copy_{next(self._numbers)}", urlsplit(database_url).path.strip("/"))

    def redis(self) -> str:
        """The URL of an empty Redis-compatible server."""
        return self._stack.enter_context(embedded_redis())

    def site(self, scale: float) -> Site:
        """An ERP, and an empty Redis."""
        return Site(self.database(scale), self.redis())

    def built(self, scale: float) -> Site:
        """An ERP, and a Redis that holds all its documents."""
        site = self.site(scale)
        self.build(site)
        return site

    def build(self, site: Site) -> None:
        """All documents."""
        self.tell("building all documents")
        uvloop.run(rebuild(site.settings, DOCUMENTS))

    @contextmanager
    def worker(self, site: Site) -> Iterator[int]:
        """`projector run`, ready; its process id."""
        with running(["run"], site.environment, self._log("run")) as command:
            command.wait_for(r"\bready\b")
            yield command.process.pid

    @contextmanager
    def api(self, site: Site, **environment: str) -> Iterator[Served]:
        """`projector serve` in one process."""
        with running(["serve", "--port", "0"], site.environment | environment, self._log("serve")) as command:
            port = command.wait_for(r"Listening on http://[^\s:]+:(\d+)")[1]
            yield Served(int(port), command.process.pid)

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}-{next(self._numbers)}.log"

    def _create(self, name: str, template: str = "template0") -> str:
        self._server = self._server or self._stack.enter_context(embedded_postgresql())
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE {name} TEMPLATE "{template}" STRATEGY FILE_COPY'.encode())
        return urlunsplit(urlsplit(self._server)._replace(path=f"/{name}"))
