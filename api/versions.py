"""Which state a document is in, and whether one state is older than another.

A section's version is "<epoch> <order> <clock> <cause> <built>", where the cause may be missing; the first three are of
fixed width, so that bytes compare as the numbers do, and the last says when the section's bytes last changed. Equal
<built> means equal bytes.
"""

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stamp:
    """The state of a document: the versions of all its sections, in their order."""

    versions: tuple[bytes | None, ...]
    degraded: bytes | None
    deleted: bytes | None
    """The version of its tombstone: the entity is known not to exist."""

    @property
    def is_live(self) -> bool:
        """Whether there is a document; if not, there is a tombstone or nothing at all."""
        return self.deleted is None and (self.degraded is not None or any(self.versions))

    @property
    def newest(self) -> bytes | None:
        """Epoch, order and clock of its newest section, or of its tombstone; never less than that of an older state."""
        versions = [version for version in (*self.versions, self.deleted) if version is not None]
        return b" ".join(max(versions).split(b" ")[:3]) if versions else None


@dataclass(slots=True)
class Known:
    """A state that was answered with, when it was last known to be so, and in which filling of Redis."""

    stamp: Stamp
    at: float
    instance: bytes | None


def goes_back(found: Stamp, known: Stamp) -> bool:
    """Whether `found`, a document or a tombstone, is an older state than one that was answered with."""
    if found == known:
        return False
    if found.deleted is not None:
        return any(_is_older(found.deleted, version) for version in (*known.versions, known.deleted))
    if any(_is_older(version, known.deleted) for version in found.versions):
        return True
    pairs = list(zip(found.versions, known.versions, strict=True))
    if any(_is_older(new, old) for new, old in pairs):
        return True
    # A section that was there and is not: of an entity that was deleted and came back, if anything is newer.
    lost = any(new is None and old is not None for new, old in pairs)
    return lost and not any(_is_older(old, new) for new, old in pairs)


def _is_older(version: bytes | None, than: bytes | None) -> bool:
    if version is None or than is None or version == than:
        return False
    fence, _, built = version.rpartition(b" ")
    other_fence, _, other_built = than.rpartition(b" ")
    return fence < other_fence and built != other_built


class Remembered:
    """The last known states of up to `limit` documents; those not asked for the longest are forgotten first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: OrderedDict[bytes, Known] = OrderedDict()

    def get(self, key: bytes) -> Known | None:
        return self._known.get(key)

    def keep(self, key: bytes, known: Known) -> None:
        self._known[key] = known
        self._known.move_to_end(key)
        if len(self._known) > self._limit:
            self._known.popitem(last=False)

    def forget(self, key: bytes) -> None:
        self._known.pop(key, None)
