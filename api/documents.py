"""One document as Redis holds it, read out of the reply to one HMGET."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from projector.names import DEGRADED_FIELD, DELETED_FIELD, version_field


class Absence(Enum):
    """Why there is no document."""

    DELETED = auto()  # a tombstone: the entity is known not to exist
    UNKNOWN = auto()  # no key: it does not exist, or has not been built yet


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """The sections that an answer needs, all as of one moment."""

    sections: dict[str, bytes | None]
    built_us: int | None
    """When the newest of them changed, in microseconds since 1970; None where there are none."""
    degraded: frozenset[str]
    """Those of them that hold older bytes than they should, or none."""


def hash_fields(sections: Sequence[str]) -> tuple[str, ...]:
    """The fields to ask for, in the order in which `read_document` expects their values."""
    return (*sections, *map(version_field, sections), DEGRADED_FIELD, DELETED_FIELD)


def read_document(sections: Sequence[str], values: Sequence[bytes | None]) -> StoredDocument | Absence:
    """The document behind the values of `hash_fields(sections)`."""
    *fields, degraded, deleted = values
    if deleted is not None:
        return Absence.DELETED
    if degraded is None and not any(fields):
        return Absence.UNKNOWN
    bodies = dict(zip(sections, fields, strict=False))
    newest = _newest(bodies, fields[len(sections) :])
    return StoredDocument(bodies, newest, _degraded(bodies, degraded))


def _newest(bodies: dict[str, bytes | None], versions: Sequence[bytes | None]) -> int | None:
    built = [
        int(version.split()[3])
        for body, version in zip(bodies.values(), versions, strict=True)
        if body is not None and version is not None
    ]
    return max(built, default=None)


def _degraded(bodies: dict[str, bytes | None], names: bytes | None) -> frozenset[str]:
    missing = {section for section, body in bodies.items() if body is None}
    return frozenset(missing.union(json.loads(names)) if names else missing).intersection(bodies)
