"""Why: where each section of a document as it is served came from, read out of Redis alone."""

import json
from collections.abc import Awaitable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from projector.cause import Cause, cause_of
from projector.errors import NoDocument
from projector.names import (
    DEGRADED_FIELD,
    DELETED_FIELD,
    SECTIONS,
    TIMERS_KEY,
    document_key,
    version_field,
)
from projector.redis_server import open_redis
from projector.settings import Settings
from projector.shards import Client
from projector.state import read_built
from projector.work import Version

Fields = Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Origin:
    """One section: when its bytes last changed and for what, and the newest build that found them to be so."""

    section: str
    built_at: datetime
    cause: Cause | None
    """None where it was published before causes were kept."""
    version: Version
    confirmed_at: datetime
    valid_until: datetime | None
    bytes: int
    degraded: bool

    def as_json(self) -> dict[str, Any]:
        cause = None if self.cause is None else {**asdict(self.cause), "text": str(self.cause)}
        return asdict(self) | {"cause": cause}


@dataclass(frozen=True, slots=True)
class Origins:
    """A document's sections, in the order of its answer; without those that have never been built."""

    document: str
    id: int
    range: str | None
    key: str
    sections: list[Origin] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"sections": [origin.as_json() for origin in self.sections]}


async def explain(settings: Settings, document: str, document_id: int, date_range: str | None = None) -> Origins:
    """NoDocument says why there is none."""
    key = document_key(document, document_id, date_range)
    async with open_redis(settings) as client:
        fields = await cast("Awaitable[Fields]", client.hgetall(key))
        if not any(section.encode() in fields for section in SECTIONS[document]):
            raise NoDocument(await _reason(client, document, document_id, key, fields))
        timers = await _timers(client, document, document_id)
    found = Origins(document, document_id, date_range, key)
    degraded = json.loads(fields.get(DEGRADED_FIELD.encode(), b"[]"))
    for section in SECTIONS[document]:
        value = fields.get(section.encode())
        if value is None:
            found.missing.append(section)
        else:
            stamp = fields.get(version_field(section).encode(), b"").decode()
            found.sections.append(_origin(section, value, stamp, timers.get(section), section in degraded))
    return found


async def _reason(client: Client, document: str, document_id: int, key: str, fields: Fields) -> str:
    if stamp := fields.get(DELETED_FIELD.encode(), b"").decode():
        _, cause, at = read_stamp(stamp)
        told = cause_of(cause, "")
        return (
            f"There is no {document} {document_id}: the database had none when that was last looked at, at"
            f" {at:%Y-%m-%dT%H:%M:%SZ}{f', because of {told}' if told else ''} ({key}). See which ids there are:"
            f' SELECT id FROM projector."{document}"'
        )
    if (await read_built(client))[document]:
        return (
            f"There is no {document} {document_id} ({key}), or it was committed moments ago. See which ids there are:"
            f' SELECT id FROM projector."{document}"'
        )
    return (
        f"{document} {document_id} has not been built yet ({key}), nor have all others of its kind."
        " Start a worker or run: projector rebuild"
    )


async def _timers(client: Client, document: str, document_id: int) -> dict[str, datetime]:
    """By section; all ranges of a dashboard share one, which is the earliest of them."""
    names = [f"{document}:{document_id}:{section}" for section in SECTIONS[document]]
    scores = await client.zmscore(TIMERS_KEY, names)
    return {
        section: _moment(int(score))
        for section, score in zip(SECTIONS[document], scores, strict=True)
        if score is not None
    }


def _origin(section: str, value: bytes, stamp: str, valid_until: datetime | None, degraded: bool) -> Origin:
    version, cause, built_at = read_stamp(stamp)
    confirmed_at = _moment(version.clock)
    return Origin(
        section, built_at, cause_of(cause, section), version, confirmed_at, valid_until, len(value), degraded
    )  # fmt: skip


def read_stamp(stamp: str) -> tuple[Version, str, datetime]:
    """The version, the cause and the moment of a field `<section>@`; the earliest ones where somebody wrote what is
    none."""
    parts = stamp.split(" ", 3)
    try:
        version = Version(int(parts[0]), int(parts[1]), int(parts[2]))
        cause, _, built = parts[3].rpartition(" ")
        return version, cause, _moment(int(built))
    except (ValueError, IndexError):
        return Version(0, 0, 0), "", _moment(0)


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1e6, UTC)
