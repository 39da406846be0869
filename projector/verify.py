"""Verify: what Redis serves against a fresh build, document by document and section by section."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from projector.build import Builder
from projector.database import connect
from projector.drift import Difference, Verifier, ids_of
from projector.installed import load_router
from projector.publish import Publisher
from projector.redis_server import open_redis
from projector.settings import Settings
from projector.state import agree_on_epoch

CHUNK = 500


@dataclass(slots=True)
class Report:
    """What was compared, and what differs."""

    compared: int = 0
    differences: list[Difference] = field(default_factory=list)
    repaired: int = 0


@asynccontextmanager
async def open_verifier(settings: Settings) -> AsyncIterator[tuple[Verifier, Publisher]]:
    """Connected to both servers, with the installed definitions; and what publishes there."""
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
        await builder.prepare_sections()
        yield Verifier(connection, client, router, builder), Publisher(client, settings.tombstone_seconds)


async def verify(
    settings: Settings,
    documents: Sequence[str],
    *,
    sample: int | None = None,
    repair: bool = False,
    tell: Callable[[int], None] = lambda _: None,
) -> Report:
    """Compares all documents of these kinds, or a random sample of each; with `repair` publishes what differs anew."""
    report = Report()
    async with open_verifier(settings) as (verifier, publisher):
        async for document, ids in _chunks(verifier, documents, sample):
            differences = await verifier.compare(document, ids)
            report.compared += len(ids)
            report.differences += differences
            if repair and differences:
                left = await verifier.repair(publisher, document, differences)
                report.repaired += len(ids_of(differences)) - len(ids_of(left))
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
