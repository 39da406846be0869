"""The demo: an ERP with generated data, the projector and the read API at work on a stream of changes."""

import asyncio
import json
import os
import random
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import redis
from redis.client import PubSub

from projector.catalog import existing_tables
from projector.database import connect_blocking
from projector.demo.erp import create_schema, drop_schema, generate
from projector.demo.listener import Listener
from projector.demo.processes import running
from projector.demo.servers import embedded_postgresql, embedded_redis
from projector.demo.traffic import Traffic
from projector.errors import ProjectorError
from projector.fitness import REQUIRED_TABLES
from projector.indexes import missing_indexes
from projector.install import install, uninstall
from projector.names import CHANGES_CHANNEL, DOCUMENTS, document_key
from projector.rebuild import rebuild
from projector.remove import forget_documents
from projector.settings import Settings
from projector.verify import verify

PROBE_SECONDS = 1.0
VISIBLE_WITHIN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Options:
    """How large the demo is, and how long: `rounds` seconds of changes, or until Ctrl-C."""

    scale: float = 1.0
    rate: float = 50.0
    port: int = 8000
    seed: int = 1
    rounds: int | None = None


@dataclass(slots=True)
class Second:
    """What happened in one second."""

    changes: int = 0
    documents: int = 0
    events: int = 0
    lag_ms: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.changes:5} changes/s   {self.documents:5} documents/s   {self.events:5} events/s"
            f"   commit to visible {self.lag_ms:6.1f} ms"
        )


class DemoRefused(ProjectorError):
    """The demo would write generated data into a database that is not empty."""


@dataclass(slots=True)
class Stage:
    """The servers and processes of a running demo."""

    database_url: str
    redis_url: str
    environment: dict[str, str]
    address: str = ""
    logs: Path = field(default_factory=Path)


@contextmanager
def staged(options: Options, tell: Callable[[str], None]) -> Iterator[Stage]:
    """Everything up and built; taken down in reverse order, with nothing left behind."""
    with ExitStack() as stack:
        database = os.environ.get("PROJECTOR_DATABASE_URL") or stack.enter_context(embedded_postgresql())
        redis_url = os.environ.get("PROJECTOR_REDIS_URL") or stack.enter_context(embedded_redis())
        environment = {"PROJECTOR_DATABASE_URL": database, "PROJECTOR_REDIS_URL": redis_url}
        os.environ.update(environment)
        stage = Stage(database, redis_url, environment)
        stage.logs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="projector-demo-")))
        settings = Settings.load()
        stack.enter_context(_erp(settings, options, tell))
        stack.enter_context(_installed(settings, tell))
        worker = stack.enter_context(running(["run"], environment, stage.logs / "run.log"))
        worker.wait_for(r"\bready\b")
        api = stack.enter_context(
            running(["serve", "--port", str(options.port)], environment, stage.logs / "serve.log")
        )
        stage.address = api.wait_for(r"Listening on (http://\S+)")[1]
        yield stage


@contextmanager
def _erp(settings: Settings, options: Options, tell: Callable[[str], None]) -> Iterator[None]:
    with connect_blocking(settings, "demo") as connection:
        if existing_tables(connection, "public", REQUIRED_TABLES):
            raise DemoRefused(
                "PROJECTOR_DATABASE_URL names a database that has ERP tables already, and the demo writes generated"
                " data. Unset it to use an embedded PostgreSQL, or name an empty database."
            )
        began = time.monotonic()
        with psycopg.connect(settings.database(), autocommit=True) as plain:
            create_schema(plain)
            rows = generate(plain, scale=options.scale, seed=options.seed)
        tell(f"ERP          {sum(rows.values()):,} rows generated in {time.monotonic() - began:.1f} s")
        for index in missing_indexes(connection, "public"):
            connection.execute(index.statement.encode())
    try:
        yield
    finally:
        with psycopg.connect(settings.database(), autocommit=True) as plain:
            drop_schema(plain)


@contextmanager
def _installed(settings: Settings, tell: Callable[[str], None]) -> Iterator[None]:
    install(settings)
    began = time.monotonic()
    progress = asyncio.run(rebuild(settings, DOCUMENTS))
    seconds = time.monotonic() - began
    tell(f"documents    {progress.documents:,} built in {seconds:.1f} s ({progress.documents / seconds:,.0f}/s)")
    try:
        yield
    finally:
        uninstall(settings)
        asyncio.run(forget_documents(settings))


class Show:
    """The stream of changes, and what can be seen of it."""

    def __init__(self, stage: Stage, options: Options, listener: Listener) -> None:
        self._stage = stage
        self._listener = listener
        self._options = options

    def seconds(self) -> Iterator[Second]:
        """One report a second, for as long as it is asked."""
        with (
            psycopg.connect(self._stage.database_url, autocommit=True) as connection,
            redis.Redis.from_url(self._stage.redis_url) as client,
            client.pubsub(ignore_subscribe_messages=True) as changes,
        ):
            changes.subscribe(CHANGES_CHANNEL)
            traffic = Traffic(connection, seed=self._options.seed)
            items = connection.execute(_PROBED_ITEMS).fetchall()
            while True:
                yield self._second(connection, traffic, changes, *random.choice(items))

    def _second(
        self, connection: psycopg.Connection[Any], traffic: Traffic, changes: PubSub, item: int, product: int
    ) -> Second:
        second, began, heard = Second(), time.monotonic(), self._listener.count
        while (elapsed := time.monotonic() - began) < PROBE_SECONDS:
            if second.changes < self._options.rate * elapsed:
                traffic.step()
                second.changes += 1
            elif changes.get_message(timeout=0.005) is not None:
                second.documents += 1
        second.lag_ms = self._probe(connection, changes, second, item, product)
        second.events = self._listener.count - heard
        return second

    def _probe(
        self, connection: psycopg.Connection[Any], changes: PubSub, second: Second, item: int, product: int
    ) -> float:
        """Changes one stock item, and waits until the document that shows it has been published."""
        connection.execute(
            "UPDATE inventory_items SET quantity_on_hand = coalesce(quantity_on_hand, 0) + 1 WHERE id = %s",
            (item,),
        )
        began, key = time.monotonic(), document_key("product", product).encode()
        second.changes += 1
        while time.monotonic() - began < VISIBLE_WITHIN_SECONDS:
            message = changes.get_message(timeout=0.1)
            if message is not None:
                second.documents += 1
                if message["data"] == key:
                    return (time.monotonic() - began) * 1_000
        raise ProjectorError(f"{key.decode()} was not published within {VISIBLE_WITHIN_SECONDS:.0f} s of its change.")


_PROBED_ITEMS = "SELECT id, product_id FROM inventory_items WHERE product_id IS NOT NULL ORDER BY id LIMIT 1000"


def show(options: Options, tell: Callable[[str], None], live: Callable[[str], None]) -> None:
    """The whole demo: prints what runs where, then a line a second, until `rounds` are over or Ctrl-C."""
    tell("starting     PostgreSQL, a Redis-compatible server, data, projector; this takes some seconds")
    with staged(options, tell) as stage:
        tell(f"PostgreSQL   {stage.database_url}")
        tell(f"Redis        {stage.redis_url}")
        tell(f"API          {stage.address}   (documentation: {stage.address}/docs)")
        tell(f"\n    curl {stage.address}/api/mobile/products/1/complete")
        tell(f"    curl -N '{stage.address}/api/mobile/events?keys=home,products/1,salesperson/1/dashboard'\n")
        if options.rounds is None:
            tell("A stream of ERP changes runs until Ctrl-C.")
        listener = Listener(stage.address)
        with listener.listening():
            for number, second in enumerate(Show(stage, options, listener).seconds(), start=1):
                live(str(second))
                if number == options.rounds:
                    break
            if options.rounds is not None:
                _judge(stage, listener, tell)


def _judge(stage: Stage, listener: Listener, tell: Callable[[str], None]) -> None:
    """After a short round: every document is what a fresh build says, and the API serves it and told of it."""
    report = asyncio.run(verify(Settings.load(), DOCUMENTS))
    if report.differences:
        raise ProjectorError(f"{len(report.differences)} documents differ, the first: {report.differences[0]}.")
    with urllib.request.urlopen(f"{stage.address}/api/mobile/products/1/complete") as answer:  # noqa: S310 - our own API
        name = json.load(answer)["data"]["product"]["name"]
    tell(f"verified     {report.compared:,} documents equal a fresh build; the API serves product 1, {name!r}")
    tell(f"events       {listener.count:,} told how {listener.judge()} answers changed, the last as they are now")
