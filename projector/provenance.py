"""Provenance: which of a batch's events each of its documents is built for, worked out once the batch is built."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from projector.build import Outcome, Request
from projector.cause import Cause
from projector.names import document_keys
from projector.resolve import ANYTHING, BUILD, Question, Router
from projector.work import Built, Event, Fanout, SectionBits

MANY_KEYS = 1_000
"""Events that name more documents than this are not told apart: each costs some 6 µs."""
MANY_LEFT = 200
"""Nor are those of more documents that are left to others."""
LONGEST_TEXT = 4
"""Events that one document names at most."""

Touch = tuple[SectionBits, Event, int]
"""Sections, the event that touches them, and how many others may have done so in its place."""


class Causes:
    """Of one batch. One event costs next to nothing: it is the cause of everything."""

    def __init__(self, router: Router, request: Request, outcome: Outcome) -> None:
        self._router = router
        self._request = request
        self._outcome = outcome
        self._own = _newest_first(request.events)
        self._events = _newest_first((*request.events, *outcome.seen)) if outcome.seen else self._own
        self._reaching: dict[tuple[str, str | None], str] = {}
        self._alike: dict[tuple[str, int | None], list[Event]] = defaultdict(list)
        for event in self._own:
            self._alike[event.source, event.changed].append(event)
        self._touched: dict[tuple[str, int], list[Touch]] | None = None

    def give(self, built: Built) -> None:
        """Tells a batch what its documents are built for."""
        built.cause = self._request.cause or _together(self._own)
        if len(self._own) == 1 and len(self._events) == 1:
            return
        for document, id_ in self._request.causes.keys() | self._touches().keys():
            keys = document_keys(document, id_)
            if keys[0] in built.sections or keys[0] in built.deleted:
                built.causes.update(dict.fromkeys(keys, self._of_document(document, id_)))

    def named(self, fanouts: Iterable[Fanout]) -> list[Fanout]:
        """The same with their causes."""
        return [replace(fanout, cause=self.of_many(fanout.document, fanout.table)) for fanout in fanouts]

    def of_left(self, document: str, ids: Sequence[int]) -> tuple[str, list[int] | None]:
        """Texts, one a line, for documents that are left to others, and for each id which line is its own; None where
        there is one for all."""
        if len(self._own) == 1 or len(ids) > MANY_LEFT or self._outcome.behind:
            return self.of_many(document), None
        lines: dict[str, int] = {}
        places = [lines.setdefault(self._of_document(document, id_), len(lines)) for id_ in ids]
        return "\n".join(lines), places if len(lines) > 1 else None

    def _of_document(self, document: str, id_: int) -> str:
        base = self._request.causes.get((document, id_), self._request.cause)
        touches = self._touches().get((document, id_))
        if not touches:
            return base or self.of_many(document)
        entries: list[tuple[SectionBits, str]] = []
        covered = 0
        for bits, event, more in touches:
            if (new := bits & ~covered) and len(entries) < LONGEST_TEXT:
                others = len({id(it) for older, it, _ in touches if older & new and it is not event})
                entries.append((new, _text(event, more, together=True) if more else _text(event, others)))
            covered |= bits
        if len(entries) == 1 and not base:
            return entries[0][1]
        named = [f"{','.join(self._router.single_names(document, bits))}={text}" for bits, text in entries]
        return ";".join([*named, base] if base else named)

    def of_many(self, document: str, table: str | None = None) -> str:
        """For all documents of a kind that these events may touch, through one table or any."""
        place = (document, table)
        if place not in self._reaching:
            alike = [it for it in self._alike.values() if self._reaches(it[0], document, table)]
            newest = max((it[0] for it in alike), key=lambda event: event.transaction, default=None)
            others = sum(map(len, alike)) - 1
            self._reaching[place] = _text(newest, others, together=True) if newest else self._request.cause
        return self._reaching[place]

    def _reaches(self, event: Event, document: str, table: str | None) -> bool:
        if table is not None:
            return event.source == table
        return any(it.document == document and it.sections(event) for it in self._router.routes_of(event.source))

    def _touches(self) -> dict[tuple[str, int], list[Touch]]:
        """By document, the newest event first; of all that can be told apart."""
        if self._touched is None:
            self._touched = defaultdict(list)
            if sum(len(keys or ()) for event in self._events for keys in event.keys) <= MANY_KEYS:
                for event in self._events:
                    for document, bits, ids in self._followed(event):
                        for id_ in ids:
                            self._touched[document, id_].append((bits, event, 0))
                for question, found in self._outcome.answers:
                    self._add_answer(question, found, self._touched)
                for touches in self._touched.values():
                    touches.sort(key=lambda touch: -touch[1].transaction)
        return self._touched

    def _followed(self, event: Event) -> Iterator[tuple[str, SectionBits, set[int]]]:
        """Documents that an event's own rows name."""
        if event.operation in ANYTHING:
            return
        merged: dict[str, dict[int, SectionBits]] = defaultdict(dict)
        for route in self._router.routes_of(event.source):
            if route.slots and route.route.query is None and (bits := route.sections(event)):
                ids = merged[route.document]
                for id_ in event.keys[route.slots[0] - 1] or ():
                    if id_ is not None:
                        ids[id_] = ids.get(id_, 0) | bits
        for document, sections in merged.items():
            alike: dict[SectionBits, set[int]] = defaultdict(set)
            for id_, bits in sections.items():
                alike[bits].add(id_)
            yield from ((document, bits, ids) for bits, ids in alike.items())

    def _add_answer(self, question: Question, ids: Sequence[int], touched: dict[tuple[str, int], list[Touch]]) -> None:
        """One question was asked for all events of a table."""
        route = question.route
        events = [it for it in self._events if it.source == route.route.table and route.sections(it)]
        for id_ in ids if events else ():
            touched[route.document, id_].append((question.sections, events[0], len(events) - 1))


def _newest_first(events: Iterable[Event]) -> list[Event]:
    """By when their transactions began to write."""
    changes = [event for event in events if event.operation != BUILD]
    changes.reverse()
    return sorted(changes, key=lambda event: -event.transaction)


def _together(events: Sequence[Event]) -> str:
    return _text(events[0], len(events) - 1, together=True) if events else ""


def _text(event: Event, others: int, *, together: bool = False) -> str:
    return Cause("event", event.operation, event.source, event.transaction, others, together).text
