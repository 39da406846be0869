"""Event ids: which answer of each key a client has, so that any process can tell what changed since.

An id is base64 of 3 bytes that stand for the list of keys and, for each key, 6 bytes that stand for its answer and 9
that order it: the epoch and the order of its version, all 0 where there is none. Nothing is remembered for a client
that is away, and no id grows old.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from api.answers import Answer

_LIST_BYTES, _ANSWER_BYTES, _EPOCH_BYTES, _ORDER_BYTES = 3, 6, 3, 6
_UNORDERED: Final = bytes(_EPOCH_BYTES + _ORDER_BYTES)
_MARK_BYTES: Final = _ANSWER_BYTES + len(_UNORDERED)


@dataclass(frozen=True, slots=True)
class Mark:
    """An answer, as far as an id says it."""

    digest: bytes
    order: bytes
    """Compares as the versions do."""

    def is_newer(self, than: "Mark") -> bool:
        """Whether it is known to be of a later state."""
        return self.order > than.order

    def is_older(self, than: "Mark") -> bool:
        """Whether it is known to be of an earlier state."""
        return _UNORDERED != self.order < than.order


NOTHING: Final = Mark(bytes(_ANSWER_BYTES), _UNORDERED)
"""Of a key of which the client has nothing."""


def mark_of(name: str, answer: Answer) -> Mark:
    """The mark of a key's answer, a 200 or a 404, which has no order."""
    tag = answer.tags[0] if answer.tags else b"%d" % answer.status
    digest = blake2b(b"%b %b" % (name.encode(), tag), digest_size=_ANSWER_BYTES).digest()
    return Mark(digest, _order(answer.version))


def write_id(names: Iterable[str], marks: Iterable[Mark]) -> bytes:
    """The id for these marks of these keys."""
    return urlsafe_b64encode(_list_digest(names) + b"".join(mark.digest + mark.order for mark in marks))


def read_id(names: Sequence[str], text: bytes) -> list[Mark] | None:
    """The marks of these keys; None where the id is no id, or one of other keys."""
    try:
        read = urlsafe_b64decode(text)
    except ValueError:
        return None
    if len(read) != _LIST_BYTES + len(names) * _MARK_BYTES or not read.startswith(_list_digest(names)):
        return None
    places = range(_LIST_BYTES, len(read), _MARK_BYTES)
    return [
        Mark(read[place : place + _ANSWER_BYTES], read[place + _ANSWER_BYTES : place + _MARK_BYTES]) for place in places
    ]


def _list_digest(names: Iterable[str]) -> bytes:
    return blake2b(",".join(names).encode(), digest_size=_LIST_BYTES).digest()


def _order(version: bytes | None) -> bytes:
    if version is None:
        return _UNORDERED
    epoch, order, *_ = map(int, version.split())
    return epoch.to_bytes(_EPOCH_BYTES, "big") + order.to_bytes(_ORDER_BYTES, "big")
