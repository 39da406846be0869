"""One document as Redis holds it, read out of the reply to one HMGET."""

import functools
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from api.versions import Stamp
from projector.names import DEGRADED_FIELD, DELETED_FIELD, SECTIONS, version_field


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """The sections that were asked for, all as of one moment, and what is known of all of them."""

    kind: str
    sections: dict[str, bytes | None]
    stamp: Stamp

    def built_us(self, sections: Iterable[str]) -> int | None:
        """When the newest of these sections changed, in microseconds since 1970; None where there are none."""
        versions = dict(zip(SECTIONS[self.kind], self.stamp.versions, strict=True))
        shown = {versions[section] for section in sections if self.sections[section] is not None}
        return max((int(version.rpartition(b" ")[2]) for version in shown if version), default=None)

    def degraded(self, sections: Collection[str]) -> frozenset[str]:
        """Those of these sections that hold older bytes than they should, or none."""
        missing = {section for section in sections if self.sections[section] is None}
        named = json.loads(self.stamp.degraded) if self.stamp.degraded else ()
        return frozenset(missing.union(named)).intersection(sections)


@functools.cache
def stamp_fields(kind: str) -> tuple[str, ...]:
    """The fields that say which state a document of this kind is in."""
    return (*map(version_field, SECTIONS[kind]), DEGRADED_FIELD, DELETED_FIELD)


def read_document(kind: str, sections: Sequence[str], values: Sequence[bytes | None]) -> StoredDocument:
    """The document behind the values of `sections` and then of `stamp_fields(kind)`."""
    *versions, degraded, deleted = values[len(sections) :]
    bodies = dict(zip(sections, values, strict=False))
    return StoredDocument(kind, bodies, Stamp(_share(versions), degraded, deleted))


def _share(versions: Iterable[bytes | None]) -> tuple[bytes | None, ...]:
    """Sections that were built together have the same version: one object instead of many equal ones."""
    shared: dict[bytes | None, bytes | None] = {}
    return tuple(shared.setdefault(version, version) for version in versions)
