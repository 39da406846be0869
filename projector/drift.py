"""Drift: where what Redis serves is not what a fresh build says, and how that is mended. The command `verify` looks for
it once, the worker's audit all the time."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ResponseError

from projector.backlog import published_ids
from projector.build import UNCLAIMED, Builder, Request
from projector.cause import REPAIR
from projector.database import AsyncDatabase
from projector.names import DEGRADED_FIELD, DELETED_FIELD, document_keys, version_field
from projector.publish import Publisher
from projector.resolve import Router
from projector.shards import Client
from projector.sql import read_query
from projector.state import read_epoch
from projector.work import Built, SectionBits, Version, want

PATIENCE_ATTEMPTS = 10
PATIENCE_SECONDS = 0.2
"""A difference counts once it outlasts these attempts: until then a live worker may be on its way."""
FOREIGN_VERSION = "its version is of no snapshot that ever was"

Fields = dict[bytes, bytes]
Served = dict[tuple[str, int], Fields]
"""Key and id of each document to its hash."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A document that is not what a fresh build says, and the first place where."""

    document: str
    id: int
    key: str
    section: str
    detail: str
    failed: bool = False
    """Whether a fresh build could not be made."""

    def __str__(self) -> str:
        return f"{self.key} {self.section}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Sight:
    """Documents as they were served, a build of a moment later, and where they differ."""

    differences: list[Difference]
    served: Served
    built: Built

    def fresh(self, key: str) -> Fields:
        """The sections of a document as they were built."""
        return dict(zip(*[iter(self.built.sections.get(key, ()))] * 2, strict=True))


class Verifier:
    """Compares on one database connection and one Redis client."""

    def __init__(self, connection: AsyncDatabase, client: Client, router: Router, builder: Builder) -> None:
        self._connection = connection
        self._client = client
        self._router = router
        self._builder = builder

    async def ids(self, document: str) -> list[int]:
        """All ids that exist, and those of which only Redis knows."""
        cursor = await self._connection.execute(f'SELECT id FROM projector."{document}"')
        known = {id_ async for (id_,) in cursor}
        async for _, ids in published_ids(self._client, [document]):
            known.update(ids)
        return sorted(known)

    async def compare(self, document: str, ids: Sequence[int]) -> list[Difference]:
        """The differences that stay when a live worker had time to publish."""
        return (await self.look_patiently(document, ids)).differences

    async def find_unexplained(self, document: str, ids: Sequence[int], publisher: Publisher) -> list[Difference]:
        """The differences that no work under way explains: neither events, fan-outs and queued sections, nor timers
        that are due, nor dead letters, nor a document that is published just now.

        Read, built, asked, read again. A change that the build has seen is still in a queue as the question's
        snapshot sees it, or was published before, and then what is read again is not what was read first.
        """
        sight = await self.look(document, ids)
        built = sight.built
        if await self._is_superseded(built):
            return []
        if not sight.differences:
            await publisher.set_timers(built)  # a timer that got lost is a difference to come
            return []
        suspects = ids_of(sight.differences)
        under_way = await self._builder.find_under_way(document, suspects)
        await self._add_promised(document, under_way)
        if await publisher.has_due(built.version.clock):
            _add(under_way, suspects, self._clock_bits(document))
        again = await self._served(document, suspects)
        return [
            it
            for it in sight.differences
            if not under_way[it.id] & self._router.section_bits(document, it.section)
            and _is_same(sight.served[it.key, it.id], again[it.key, it.id], it.section)
        ]

    async def build(self, document: str, ids: Sequence[int]) -> Built:
        request = Request(UNCLAIMED)
        want(request.wanted, document, ids, self._router.all_sections(document))
        return (await self._builder.build(request)).built

    async def repair(self, publisher: Publisher, document: str, differences: Sequence[Difference]) -> list[Difference]:
        """Publishes fresh builds, and returns what they did not mend. A version that no snapshot ever had is taken
        down first: it would fence off every build to come. Nobody publishes over it meanwhile, for the same reason."""
        ids = ids_of(differences)
        served = await self._served(document, ids)
        built = await self.build(document, ids)
        if await self._is_superseded(built):
            return list(differences)
        for (key, _), fields in served.items():
            if foreign := _foreign_versions(fields, built.version):
                await self._take_down(key, foreign)
            if _degraded(fields) is None:
                await self._client.hdel(key, DEGRADED_FIELD)
        mended = await self.build(document, ids)
        mended.cause = REPAIR
        await publisher.publish(mended)
        return (await self.look(document, ids)).differences

    async def _take_down(self, key: str, foreign: Fields) -> None:
        """Readers go on seeing a document: only its place in the order is lost."""
        before_all = Version(0, 0, 0).text
        lowered: dict[Any, str] = {
            name: f"{before_all} {version.rpartition(b' ')[2].decode(errors='replace')}"
            for name, version in foreign.items()
            if name != DELETED_FIELD.encode()
        }
        if lowered:
            await self._client.hset(key, mapping=lowered)
        else:
            await self._client.delete(key)

    async def _is_superseded(self, built: Built) -> bool:
        """Whether Redis belongs to a later epoch: this is a server that another one has replaced."""
        return await read_epoch(self._client) > built.version.epoch

    async def look_patiently(self, document: str, ids: Sequence[int]) -> Sight:
        """Again, of the documents that differ, while a live worker may still publish them; the last look."""
        sight = await self.look(document, ids)
        for _ in range(PATIENCE_ATTEMPTS):
            if not sight.differences:
                break
            await asyncio.sleep(PATIENCE_SECONDS)
            sight = await self.look(document, ids_of(sight.differences))
        return sight

    async def look(self, document: str, ids: Sequence[int]) -> Sight:
        """Once, without patience."""
        # Served first, built second: a document published in between is newer than both, and compared again.
        served = await self._served(document, ids)
        built = await self.build(document, ids)
        failed = {(failure.id, failure.section): failure.error for failure in built.failures}
        names = [section.name for section in self._router.documents[document].sections]
        sight = Sight([], served, built)
        for (key, id_), fields in served.items():
            deleted = key in built.deleted
            for section, detail in _compare_document(fields, sight.fresh(key), names, built, deleted=deleted):
                broken = self._builder.letters.sections.get((document, section))
                error = failed.get((id_, section), broken)
                said = detail if error is None else f"cannot be built: {error}"
                sight.differences.append(Difference(document, id_, key, section, said, error is not None))
        return sight

    async def _served(self, document: str, ids: Sequence[int]) -> Served:
        keys = [(key, id_) for id_ in ids for key in document_keys(document, id_)]
        pipeline = self._client.pipeline(transaction=False)
        for key, _ in keys:
            pipeline.hgetall(key)
        answers = await pipeline.execute(raise_on_error=False)
        return {key: _fields(it) for key, it in zip(keys, answers, strict=True)}

    async def _add_promised(self, document: str, under_way: dict[int, SectionBits]) -> None:
        """Sections that are built again later: those with a dead letter, and those that wait for old transactions."""
        cursor = await self._connection.execute(read_query("promised_sections"), (document, list(under_way)))
        async for id_, section in cursor:
            under_way[id_] |= self._router.section_bits(document, section)

    def _clock_bits(self, document: str) -> SectionBits:
        bits = 0
        for section in self._router.documents[document].sections:
            if section.reads_clock:
                bits |= self._router.section_bits(document, section.name)
        return bits


def _fields(answer: Fields | Exception) -> Fields:
    """A key of another type holds no section at all."""
    if not isinstance(answer, Exception):
        return answer
    if isinstance(answer, ResponseError) and "WRONGTYPE" in str(answer):
        return {}
    raise answer  # a shard is away


def ids_of(differences: Iterable[Difference]) -> list[int]:
    return sorted({difference.id for difference in differences})


def _add(under_way: dict[int, SectionBits], ids: Iterable[int], bits: SectionBits) -> None:
    for id_ in ids:
        under_way[id_] |= bits


def _is_same(one: Fields, other: Fields, section: str) -> bool:
    """Whether nobody published the section in between."""
    if section == "*":
        return one == other
    return all(one.get(name.encode()) == other.get(name.encode()) for name in (section, version_field(section)))


def _foreign_versions(fields: Fields, version: Version) -> Fields:
    """The versions of a document that was read before this one was built and that claim to be later. The clock is
    left out: two workers' business clocks need not agree."""
    length = len(version.text) - len(f" {version.clock:017}")
    limit = version.text[:length].encode()
    return {name: value for name, value in fields.items() if name.endswith(b"@") and value[:length] > limit}


def _degraded(fields: Fields) -> list[str] | None:
    """The sections that a document names as degraded; None where somebody wrote what is no list."""
    try:
        names = json.loads(fields.get(DEGRADED_FIELD.encode(), b"[]"))
    except ValueError:
        return None
    return names if isinstance(names, list) else None


def _compare_document(
    served: Fields, fresh: Fields, names: Sequence[str], built: Built, *, deleted: bool
) -> list[tuple[str, str]]:
    foreign = _foreign_versions(served, built.version)
    if deleted:
        if any(name.encode() in served for name in names):
            return [("*", "served, but the entity does not exist")]
        return [("*", FOREIGN_VERSION)] if foreign else []
    if not any(name.encode() in served for name in names):
        return [("*", "not served")]
    degraded = _degraded(served)
    differences = []
    for name in names:
        one, other = served.get(name.encode()), fresh.get(name.encode())
        if one != other:
            differences.append((name, first_difference(one, other)))
        elif version_field(name).encode() in foreign:
            differences.append((name, FOREIGN_VERSION))
        elif degraded is None or name in degraded:
            differences.append((name, "named as degraded, but it can be built"))
    return differences


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
