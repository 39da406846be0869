"""The world that faults are inflicted on: an ERP, servers of its own behind proxies, projector's processes at work,
writers, and readers that watch."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import psycopg

from projector.bench.options import Tell
from projector.database import connect_blocking
from projector.demo.erp import create_schema
from projector.demo.processes import Command
from projector.faults.cluster import DATABASE, Cluster
from projector.faults.crew import Crew
from projector.faults.load import RandomWriter
from projector.faults.mutations import seed_rows, trim_rows
from projector.faults.numbers import NumberWriter, make_numbers
from projector.faults.proxy import Proxy
from projector.faults.readers import ApiReader, Reader, RedisReader
from projector.faults.store import Store
from projector.indexes import missing_indexes
from projector.install import install
from projector.oracle import keys, load
from projector.settings import Settings


class World:
    """Everything, up and ready while it is entered; in a folder that the caller provides and may read afterwards.

    Workers and rebuilds reach PostgreSQL and Redis through proxies, the API reaches Redis through one of its own.
    Writers and readers go past them. Processes begin as `command` does it.
    """

    cluster: Cluster

    def __init__(
        self,
        folder: Path,
        *,
        seed: int,
        workers: int,
        tell: Tell = lambda _: None,
        command: type[Command] = Command,
    ) -> None:
        self.seed = seed
        self.seen_keys: set[str] = set()
        self._tell = tell
        self._command = command
        self._workers = workers
        self._folder = folder
        self._stack = ExitStack()
        self._clusters = 0

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def settings(self) -> Settings:
        """Past the proxies."""
        return Settings(database_url=self.cluster.url, redis_url=f"redis://127.0.0.1:{self.store.port}/0")

    def _build(self) -> None:
        self._tell("starting PostgreSQL, a Redis-compatible server, projector")
        self.cluster = self.new_cluster()
        self.cluster.create()
        self._stack.callback(lambda: self.cluster.remove())
        self.store = Store(self._folder / "redis")
        self.store.start()
        self._stack.callback(self.store.kill)
        self._create_erp()
        self.database_proxy = self._stack.enter_context(Proxy(lambda: self.cluster.socket))
        self.redis_proxy = self._stack.enter_context(Proxy(lambda: self.store.port))
        self.api_proxy = self._stack.enter_context(Proxy(lambda: self.store.port))
        self._start_crew()
        self._start_threads()

    def new_cluster(self) -> Cluster:
        """A place for one more PostgreSQL. The path of its socket has to be short."""
        self._clusters += 1
        return Cluster(self._folder / f"pg{self._clusters}")

    def connect(self) -> psycopg.Connection:
        """A session in autocommit, past the proxy."""
        return psycopg.connect(self.cluster.url, autocommit=True, connect_timeout=10)

    def move_to(self, cluster: Cluster) -> None:
        """From now on the URL leads to another server; the old one is gone."""
        old, self.cluster = self.cluster, cluster
        old.remove()
        self.database_proxy.cut()

    def _create_erp(self) -> None:
        with psycopg.connect(self.cluster.url) as connection:
            create_schema(connection)
            connection.commit()
            seed_rows(connection, self.seed)
        with self.connect() as connection:
            self._product = make_numbers(connection)
        with connect_blocking(self.settings, "faults") as database:
            for index in missing_indexes(database, "public"):
                database.execute(index.statement.encode())
        install(self.settings)

    def _start_crew(self) -> None:
        database = f"postgresql://postgres@127.0.0.1:{self.database_proxy.port}/{DATABASE}"
        worker = {
            "PROJECTOR_DATABASE_URL": database,
            "PROJECTOR_REDIS_URL": f"redis://127.0.0.1:{self.redis_proxy.port}/0",
            # The audit would mend what a fault left behind before anybody saw it.
            "PROJECTOR_AUDIT_SHARE": "0",
        }
        api = {"PROJECTOR_REDIS_URL": f"redis://127.0.0.1:{self.api_proxy.port}/0"}
        logs = self._folder / "logs"
        logs.mkdir()
        self.crew = Crew(worker, api, logs, self._command)
        self._stack.callback(self.crew.stop)
        self.crew.start(self._workers)

    def _start_threads(self) -> None:
        self.numbers = NumberWriter(lambda: self.cluster.url, self._product)
        self.random = RandomWriter(lambda: self.cluster.url, self.seed * 1_000_000)
        self.api_reader = ApiReader(lambda: self.crew.api_port, self.numbers.path)
        self.redis_reader = RedisReader(self.store, self.numbers.key)
        self.readers: list[Reader] = [self.api_reader, self.redis_reader]
        for thread in (self.numbers, self.random, self.crew.rebuilds):
            thread.start(working=False)
            self._stack.callback(thread.stop)
        for reader in self.readers:
            reader.start()
            self._stack.callback(reader.stop)

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """The ERP writes nothing."""
        working = [thread for thread in (self.numbers, self.random) if thread.may_work()]
        for thread in working:
            thread.pause()
        yield
        for thread in working:
            thread.resume()

    @contextmanager
    def under_load(self, *, rebuilds: bool) -> Iterator[None]:
        """Writers write, and rebuilds run one after the other if asked; at the end nothing of theirs is open.

        Rebuilds heal what anything else forgets: with them only readers see that something went wrong.
        """
        with self.connect() as connection:
            trim_rows(connection)
        threads = [self.numbers, self.random, *([self.crew.rebuilds] if rebuilds else [])]
        for thread in threads:
            thread.resume()
        try:
            yield
        finally:
            for thread in threads:
                thread.pause()
            with self.connect() as connection:
                self.seen_keys |= set(keys(load(connection)))

    def take_failures(self) -> list[str]:
        """What must not be and was not told yet: a process that ended by itself, a thread of ours that failed."""
        threads = [self.numbers, self.random, self.crew.rebuilds, *self.readers]
        broken = [f"{type(thread).__name__}: {thread.failure!r}" for thread in threads if thread.failure]
        return [*self.crew.take_deaths(), *broken]
