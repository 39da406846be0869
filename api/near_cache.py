"""The near cache: finished answers in this process, by document, dropped as soon as their document changes.

All answers of a document lie in one entry and are dropped together, so no address of a document is older than another.
Nothing is kept that could have been overtaken: a change message that arrives while a reply is in flight bars the
document of that reply, and while change messages may be missed (the subscription is down, or Redis was emptied) nothing
is kept as fresh. What was kept until then is not fresh any more, but can still be served, marked as stale, where Redis
has no answer.

No document goes back, even if Redis does (a failover to a replica that lagged). The state of every document that was
answered with is remembered, of what is in the near cache and of 16,384 documents besides, those asked for the longest
ago forgotten first. An older state than that is never answered with: the newer answer goes on being served, marked as
stale, where it is still here; where it is not the answer is a 503; and the projector is asked to build the document
anew. A document that vanishes without a tombstone went back too, unless Redis was filled anew since or a tombstone
would have expired by now.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from api.answers import Answer
from api.templates import Question, Variant
from api.versions import Known, Remembered, Stamp, goes_back

REMEMBERED_DOCUMENTS = 16_384
_ENTRY_BYTES = 1_500
"""What Python's objects for an entry without answers take, the versions of its document included."""
_BYTES_PER_ABSENT = 16_384
"""One entry in so many bytes of the near cache may be a 404, so that strange ids do not displace documents."""
_LONGEST_VARIANT = 64
_MOST_VARIANTS = 64
"""Of free text in a question, and of questions about one document: others are answered and not kept."""


class Coherence:
    """A time without missed change messages."""

    __slots__ = ("until",)

    def __init__(self, until: float) -> None:
        self.until = until
        """The last moment known to belong to it."""


_NEVER = Coherence(float("-inf"))


class Follower(Protocol):
    """Whoever else has to know of changes, and when they may be missed."""

    def change(self, key: bytes) -> None:
        """The document changed, and is in the near cache no more."""

    def lose(self) -> None:
        """From now on change messages may be missed."""

    def catch_up(self) -> None:
        """From now on every change message arrives; some of before may have been missed."""


class Flight:
    """A batch of questions on its way to a shard, which changes from here on may overtake."""

    __slots__ = ("changed", "coherence")

    def __init__(self, coherence: Coherence | None) -> None:
        self.coherence = coherence
        self.changed: set[bytes] = set()


class Entry:
    """The answers made of one state of a document. What is not in the near cache lives as long as its readers."""

    __slots__ = ("answers", "coherence", "known", "size")

    def __init__(self, stamp: Stamp) -> None:
        self.known = Known(stamp, 0, None)
        self.coherence = _NEVER
        self.answers: dict[Variant, Answer] = {}
        self.size = _ENTRY_BYTES


class NearCache:
    """Bounded by bytes, the objects around them included; those entries go first that were not read the longest."""

    def __init__(self, limit_bytes: int, tombstone_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.size = 0
        self._limit = limit_bytes
        self._tombstone_seconds = tombstone_seconds
        self._clock = clock
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()
        self._absent: OrderedDict[bytes, None] = OrderedDict()
        self._remembered = Remembered(REMEMBERED_DOCUMENTS)
        self._coherence: Coherence | None = None
        self._instances: dict[str, bytes | None] = {}
        self._flights: dict[str, Flight] = {}
        self._instance: bytes | None = None
        self._landing = Flight(None)
        self._follower: Follower | None = None

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def is_on(self) -> bool:
        """Whether anything can be answered from here as fresh."""
        return bool(self._limit) and self._coherence is not None

    @property
    def confirmed_at(self) -> float:
        """Every change message of before this moment has arrived, by time.monotonic()."""
        return self._coherence.until if self._coherence is not None else _NEVER.until

    def follow(self, follower: Follower) -> None:
        """Tells the follower from now on."""
        self._follower = follower

    def find(self, question: Question) -> Answer | None:
        """The answer that Redis would give at this moment, but for change messages that are still on their way."""
        entry = self._entries.get(question.key)
        if entry is None or entry.coherence is not self._coherence:
            return None
        answer = entry.answers.get(question.variant)
        if answer is not None:
            self._entries.move_to_end(question.key)
        return answer

    def find_stale(self, question: Question) -> tuple[Answer, int] | None:
        """The last answer that was kept, and for how many seconds it has not been known to be right."""
        entry = self._entries.get(question.key)
        answer = entry.answers.get(question.variant) if entry else None
        if entry is None or answer is None:
            return None
        return answer, max(0, int(self._clock() - max(entry.known.at, entry.coherence.until)))

    def add(self, question: Question, entry: Entry, answer: Answer) -> None:
        """Keeps an answer made of the state that `entry` stands for."""
        if question.length > _LONGEST_VARIANT:
            return
        if len(entry.answers) >= _MOST_VARIANTS:
            self._grow(question.key, entry, -entry.answers.pop(next(iter(entry.answers))).size)
        entry.answers[question.variant] = answer
        answer.grown = 0
        self._grow(question.key, entry, answer.size)

    def count(self, question: Question, answer: Answer) -> None:
        """Counts what the answer grew by when it was compressed."""
        grown, answer.grown = answer.grown, 0
        entry = self._entries.get(question.key)
        if entry is not None and entry.answers.get(question.variant) is answer:
            self._grow(question.key, entry, grown)

    def sending(self, shard: str = "") -> None:
        """Questions are about to be sent to a shard: changes from here on may overtake the replies."""
        self._landing = self._flights[shard] = Flight(self._coherence)

    def observe(self, instance: bytes | None, shard: str = "") -> None:
        """The replies of a shard are there, and are admitted next. Takes note of which filling of it replied: in
        another one, change messages may have been left out."""
        self._instance = instance
        self._landing = self._flights.get(shard, self._landing)
        if instance == self._instances.get(shard):
            return
        self._instances[shard] = instance
        if self._coherence is not None:
            self._coherence = Coherence(self._coherence.until)
            if self._follower is not None:
                self._follower.catch_up()

    def landed(self, shard: str = "") -> None:
        """The replies were admitted, or will never be there."""
        self._flights.pop(shard, None)

    def admit(self, key: bytes, stamp: Stamp) -> Entry | None:
        """The entry for a state that Redis replied with; None if that is an older one than was answered with."""
        entry = self._entries.get(key)
        known = self._last_known(entry) if entry else self._remembered.get(key)
        if known is not None and self._goes_back(stamp, known):
            return None
        self._drop(key)
        if entry is None or entry.known.stamp != stamp:
            entry = Entry(stamp)
        entry.known = Known(stamp, self._clock(), self._instance)
        self._attach(key, entry)
        return entry

    def opened(self) -> None:
        """From now on every change message arrives."""
        self._coherence = Coherence(self._clock())
        if self._follower is not None:
            self._follower.catch_up()

    def confirm(self, moment: float) -> None:
        """Every change message of before `moment` has arrived."""
        if self._coherence is not None:
            self._coherence.until = moment

    def closed(self) -> None:
        """From now on change messages may be missed."""
        self._coherence = None
        if self._follower is not None:
            self._follower.lose()

    def change(self, key: bytes) -> None:
        """The document changed."""
        for flight in self._flights.values():
            flight.changed.add(key)
        self._forget(key)
        if self._follower is not None:
            self._follower.change(key)

    def _goes_back(self, stamp: Stamp, known: Known) -> bool:
        if stamp.is_live or stamp.deleted is not None:
            return goes_back(stamp, known.stamp)
        # Nothing is there, not even a tombstone.
        is_same_redis = known.instance == self._instance
        return known.stamp.is_live and is_same_redis and self._clock() - known.at < self._tombstone_seconds

    def _last_known(self, entry: Entry) -> Known:
        known = entry.known
        if entry.coherence is self._coherence:
            known.at = self._clock()
        else:
            known.at = max(known.at, entry.coherence.until)
        return known

    def _attach(self, key: bytes, entry: Entry) -> None:
        if not self._limit or key in self._landing.changed:
            self._remembered.keep(key, entry.known)
            return
        is_coherent = self._coherence is not None and self._landing.coherence is self._coherence
        entry.coherence = self._coherence if is_coherent and self._coherence else _NEVER
        self._entries[key] = entry
        self._remembered.forget(key)
        self.size += entry.size
        if not entry.known.stamp.is_live:
            self._bound_absent(key)
        self._shrink()

    def _bound_absent(self, key: bytes) -> None:
        self._absent[key] = None
        while len(self._absent) > self._limit // _BYTES_PER_ABSENT:
            self._forget(next(iter(self._absent)))

    def _grow(self, key: bytes, entry: Entry, bytes_: int) -> None:
        entry.size += bytes_
        if self._entries.get(key) is entry:
            self.size += bytes_
            self._shrink()

    def _shrink(self) -> None:
        while self.size > self._limit:
            self._forget(next(iter(self._entries)))

    def _forget(self, key: bytes) -> None:
        """Drops the answers, not the state that they were made of."""
        entry = self._drop(key)
        if entry is not None:
            self._remembered.keep(key, self._last_known(entry))

    def _drop(self, key: bytes) -> Entry | None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.size -= entry.size
            self._absent.pop(key, None)
        return entry
