"""Verify: what Redis serves against a fresh build, document by document and section by section."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import redis.asyncio

from projector.backlog import published_ids
from projector.build import UNCLAIMED, Builder, Request
from projector.database import AsyncDatabase, connect
from projector.installed import load_router
from projector.names import RANGES, document_key
from projector.publish import Publisher
from projector.redis_server import open_redis
from projector.resolve import Router
from projector.settings import Settings
from projector.state import agree_on_epoch
from projector.work import Built, want

CHUNK = 500
PATIENCE_ATTEMPTS = 10
PATIENCE_SECONDS = 0.2
"""A difference counts once it outlasts these attempts: until then a live worker may be on its way."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A document that is not what a fresh build says, and the first place where."""

    document: str
    id: int
    key: str
    section: str
    detail: str

    def __str__(self) -> str:
        return f"{self.key} {self.section}: {self.detail}"


@dataclass(slots=True)
class Report:
    """What was compared, and what differs."""

    compared: int = 0
    differences: list[Difference] = field(default_factory=list)
    repaired: int = 0


class Verifier:
    """Compares on one database connection and one Redis client."""

    def __init__(
        self, connection: AsyncDatabase, client: redis.asyncio.Redis, router: Router, builder: Builder
    ) -> None:
        self._connection = connection
        self._client = client
        self._router = router
        self._builder = builder

    async def ids(self, document: str) -> list[int]:
        """All ids that exist, and those of which only Redis knows."""
        cursor = await self._connection.execute(f'SELECT id FROM projector."{document}"')
        known = {id_ async for (id_,) in cursor}
        return sorted(known | await published_ids(self._client, document))

    async def compare(self, document: str, ids: Sequence[int]) -> list[Difference]:
        """The differences that stay when a live worker had time to publish."""
        differences = await self.compare_once(document, ids)
        for _ in range(PATIENCE_ATTEMPTS):
            if not differences:
                break
            await asyncio.sleep(PATIENCE_SECONDS)
            suspects = sorted({difference.id for difference in differences})
            differences = await self.compare_once(document, suspects)
        return differences

    async def build(self, document: str, ids: Sequence[int]) -> Built:
        request = Request(UNCLAIMED)
        want(request.wanted, document, ids, self._router.all_sections(document))
        return (await self._builder.build(request)).built

    async def compare_once(self, document: str, ids: Sequence[int]) -> list[Difference]:
        # Served first, built second: a document published in between is newer than both, and compared again.
        served = await self._served(document, ids)
        built = await self.build(document, ids)
        failed = {(failure.id, failure.section): failure.error for failure in built.failures}
        names = [section.name for section in self._router.documents[document].sections]
        differences = []
        for (key, id_), fields in served.items():
            fresh = dict(zip(*[iter(built.sections.get(key, ()))] * 2, strict=True))
            for section, detail in _compare_document(fields, fresh, names, key in built.deleted):
                broken = self._builder.letters.sections.get((document, section))
                if (error := failed.get((id_, section), broken)) is not None:
                    detail = f"cannot be built: {error}"
                differences.append(Difference(document, id_, key, section, detail))
        return differences

    async def _served(self, document: str, ids: Sequence[int]) -> dict[tuple[str, int], dict[bytes, bytes]]:
        variants = RANGES if document == "dashboard" else (None,)
        keys = [(document_key(document, id_, variant), id_) for id_ in ids for variant in variants]
        pipeline = self._client.pipeline(transaction=False)
        for key, _ in keys:
            pipeline.hgetall(key)
        answers = await pipeline.execute(raise_on_error=False)
        # A key of another type holds no section at all.
        return {key: {} if isinstance(it, Exception) else it for key, it in zip(keys, answers, strict=True)}


async def verify(
    settings: Settings,
    documents: Sequence[str],
    *,
    sample: int | None = None,
    repair: bool = False,
    tell: Callable[[int], None] = lambda _: None,
) -> Report:
    """Compares all documents of these kinds, or a random sample of each; with `repair` publishes what differs anew."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(open_redis(settings))
        router, _ = await asyncio.to_thread(load_router, settings)
        control = await stack.enter_async_context(await connect(settings, "verify"))
        epoch = await agree_on_epoch(control, client)
        connection = await stack.enter_async_context(await connect(settings, "verify build", snapshots=True))
        builder = Builder(
            connection, router, epoch=epoch, wide_fanout=settings.wide_fanout,
            row_timeout_seconds=settings.row_timeout_seconds,
        )  # fmt: skip
        await builder.prepare()
        verifier = Verifier(connection, client, router, builder)
        report = Report()
        async for document, ids in _chunks(verifier, documents, sample):
            differences = await verifier.compare(document, ids)
            report.compared += len(ids)
            report.differences += differences
            if repair and differences:
                publisher = Publisher(client, settings.tombstone_seconds)
                report.repaired += await _repair(verifier, publisher, client, document, differences)
            tell(report.compared)
        return report


async def _chunks(
    verifier: Verifier, documents: Sequence[str], sample: int | None
) -> AsyncIterator[tuple[str, list[int]]]:
    for document in documents:
        ids = await verifier.ids(document)
        if sample is not None and sample < len(ids):
            ids = sorted(random.sample(ids, sample))
        for start in range(0, len(ids), CHUNK):
            yield document, ids[start : start + CHUNK]


async def _repair(
    verifier: Verifier,
    publisher: Publisher,
    client: redis.asyncio.Redis,
    document: str,
    differences: Sequence[Difference],
) -> int:
    """Publishes fresh builds; what is fenced off by a version that no snapshot ever had is removed first."""
    ids = sorted({difference.id for difference in differences})
    await publisher.publish(await verifier.build(document, ids))
    if fenced := await verifier.compare_once(document, ids):
        await client.delete(*{difference.key for difference in fenced})
        await publisher.publish(await verifier.build(document, ids))
    return len(ids) - len({difference.id for difference in await verifier.compare_once(document, ids)})


def _compare_document(
    served: dict[bytes, bytes], fresh: dict[bytes, bytes], names: Sequence[str], deleted: bool
) -> list[tuple[str, str]]:
    if deleted:
        stale = [name for name in names if name.encode() in served]
        return [(stale[0], "served, but the entity does not exist")] if stale else []
    if not any(name.encode() in served for name in names):
        return [("*", "not served")]
    return [
        (name, first_difference(served.get(name.encode()), fresh.get(name.encode())))
        for name in names
        if served.get(name.encode()) != fresh.get(name.encode())
    ]


def first_difference(served: bytes | None, fresh: bytes | None) -> str:
    """The first place at which two JSON texts differ, in words."""
    if served is None or fresh is None:
        return "not served" if served is None else "served, but a fresh build has no such section"
    try:
        return _difference("", json.loads(served, parse_float=str), json.loads(fresh, parse_float=str))
    except ValueError:
        return f"served {served[:80]!r} is not JSON"


def _difference(path: str, served: Any, fresh: Any) -> str:
    if isinstance(served, dict) and isinstance(fresh, dict) and served.keys() == fresh.keys():
        for name in fresh:
            if served[name] != fresh[name]:
                return _difference(f"{path}.{name}", served[name], fresh[name])
    if isinstance(served, list) and isinstance(fresh, list) and len(served) == len(fresh):
        for place, (one, other) in enumerate(zip(served, fresh, strict=True)):
            if one != other:
                return _difference(f"{path}[{place}]", one, other)
    one, other = (json.dumps(value, ensure_ascii=False)[:80] for value in (served, fresh))
    return f"{path.removeprefix('.') or 'value'} is served as {one}, built as {other}"
