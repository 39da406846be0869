"""Resolve: from change events to the sections of documents that they touch (D2)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from projector.capture import Capture
from projector.definitions import BoundSection
from projector.sections import Document, Route
from projector.work import Event, Fanout, SectionBits, Wanted, nothing_wanted, want

BUILD = "B"
"""The worker's own: these documents, whose kind is the source, take long to build or are many."""
ANYTHING = frozenset({"T", "X"})
"""Operations that may have changed any row: TRUNCATE and statements with very many rows, and what the trigger could not
tell."""


@dataclass(frozen=True, slots=True)
class BoundRoute:
    """A route of one kind of document with the slots of its key columns, and for each section that takes it
    the bits of the table's columns that the section reads. Without slots it cannot be followed, because the ERP lacks
    what it names: any change there may touch every document."""

    document: str
    route: Route
    slots: tuple[int, ...] | None
    readers: tuple[tuple[SectionBits, int], ...]

    def sections(self, event: Event) -> SectionBits:
        """The sections that this event may change."""
        bits = 0
        for section, columns in self.readers:
            if event.changed is None or event.changed & columns:
                bits |= section
        return bits


@dataclass(slots=True)
class Question:
    """A route query to ask for all events of a batch at once, with the union of their key values."""

    route: BoundRoute
    sections: SectionBits
    keys: tuple[set[int], ...]


@dataclass(slots=True)
class Resolution:
    """What a batch of events touches: documents named by the rows themselves, questions for the database, and
    whole kinds (after TRUNCATE, a statement with very many rows, or where a trigger could not tell what changed)."""

    wanted: Wanted = field(default_factory=nothing_wanted)
    questions: list[Question] = field(default_factory=list)
    paced: list[Question] = field(default_factory=list)
    """Those that lead to paced documents, which fresh changes do not ask."""
    everything: dict[str, SectionBits] = field(default_factory=dict)


class Router:
    """All routes by source table. Immutable; made anew when the installation changes."""

    def __init__(
        self,
        documents: Sequence[Document],
        sections: Iterable[BoundSection],
        captures: Iterable[Capture],
    ) -> None:
        self.documents = {document.name: document for document in documents}
        self._bit = {
            (document.name, section.name): 1 << place
            for document in documents
            for place, section in enumerate(document.sections)
        }
        self._routes = _bind(sections, {capture.table: capture for capture in captures}, self._bit)

    def all_sections(self, document: str) -> SectionBits:
        return (1 << len(self.documents[document].sections)) - 1

    def section_bits(self, document: str, section: str) -> SectionBits:
        """The bit of a section's name, all for "*" and for a name that an upgrade removed."""
        return self._bit.get((document, section)) or self.all_sections(document)

    def section_names(self, document: str, bits: SectionBits) -> list[str]:
        """The names behind the bits; ["*"] where it is all of them."""
        return ["*"] if bits == self.all_sections(document) else self.single_names(document, bits)

    def single_names(self, document: str, bits: SectionBits) -> list[str]:
        """The names behind the bits, one by one."""
        sections = self.documents[document].sections
        return [section.name for place, section in enumerate(sections) if bits >> place & 1]

    @property
    def sources(self) -> Iterable[str]:
        """The tables whose changes lead anywhere."""
        return self._routes.keys()

    def routes_of(self, source: str) -> Sequence[BoundRoute]:
        return self._routes.get(source, ())

    def readers_of(self, source: str) -> dict[str, SectionBits]:
        """The sections that read a table, by kind of document."""
        readers: dict[str, SectionBits] = {}
        for bound in self.routes_of(source):
            readers[bound.document] = readers.get(bound.document, 0) | bound.sections(_ANY_CHANGE)
        return readers

    def find_route(self, fanout: Fanout) -> BoundRoute | None:
        """The route that a fan-out was queued with; None where an upgrade removed it."""
        sections = self.section_bits(fanout.document, fanout.section)
        for bound in self.routes_of(fanout.table or ""):
            same = (bound.document, bound.route.columns) == (fanout.document, fanout.columns)
            if same and bound.slots is not None and bound.sections(_ANY_CHANGE) & sections:
                return bound
        return None

    def resolve(self, events: Iterable[Event]) -> Resolution:
        """Directly named documents are collected, route queries are merged; nothing is asked yet."""
        resolution = Resolution()
        questions: dict[tuple[int, SectionBits], Question] = {}
        for event in _merged(events):
            if event.operation == BUILD:
                self._follow_build(event, resolution)
                continue
            for route in self.routes_of(event.source):
                if bits := route.sections(event):
                    asks = route.route.query is not None or self.documents[route.document].is_paced
                    _follow(route, bits, event, resolution, questions, asks=asks)
        for question in questions.values():
            paced = self.documents[question.route.document].is_paced
            (resolution.paced if paced else resolution.questions).append(question)
        return resolution

    def _follow_build(self, event: Event, resolution: Resolution) -> None:
        if event.source in self.documents:
            every = self.all_sections(event.source)
            want(resolution.wanted, event.source, event.keys[0] or (), event.changed or every)


def _merged(events: Iterable[Event]) -> Iterator[Event]:
    """One event for all that are of one table and operation and have changed the same columns: what they touch is the
    union of what each touches. A queue of many has few sorts of them."""
    alike: dict[tuple[str, str, int | None], list[Event]] = defaultdict(list)
    for event in events:
        alike[event.source, event.operation, event.changed].append(event)
    for sort, several in alike.items():
        if len(several) == 1:
            yield several[0]
        else:
            columns = zip(*(event.keys for event in several), strict=True)
            yield Event(*sort, tuple([key for keys in column for key in keys or ()] for column in columns))


_ANY_CHANGE = Event("", "U", None, ())


def _follow(
    route: BoundRoute,
    bits: SectionBits,
    event: Event,
    resolution: Resolution,
    questions: dict[tuple[int, SectionBits], Question],
    *,
    asks: bool,
) -> None:
    if event.operation in ANYTHING or route.slots is None:
        known = resolution.everything.get(route.document, 0)
        resolution.everything[route.document] = known | bits
    elif not asks:
        want(resolution.wanted, route.document, event.keys[route.slots[0] - 1] or (), bits)
    else:
        place = (id(route), bits)
        if place not in questions:
            questions[place] = Question(route, bits, tuple(set() for _ in route.slots))
        for values, slot in zip(questions[place].keys, route.slots, strict=True):
            values.update(key for key in event.keys[slot - 1] or () if key is not None)


def _bind(
    sections: Iterable[BoundSection],
    captures: Mapping[str, Capture],
    bit: Mapping[tuple[str, str], SectionBits],
) -> dict[str, tuple[BoundRoute, ...]]:
    """Routes of one document that ask the same question become one, with all the sections that take it."""
    readers: dict[tuple[str, Route, tuple[int, ...] | None], list[tuple[SectionBits, int]]] = defaultdict(list)
    for bound in sections:
        document, name = bound.section.document, bound.section.name
        # A table that the ERP renamed is read under its new name, and its events come under the old one until the
        # next installation.
        for table in sorted(captures.keys() & (bound.reads.keys() | {it.table for it in bound.section.routes})):
            for route, slots in _routes_from(table, bound, captures[table]):
                mask = _mask(bound.reads.get(table), route, captures[table])
                readers[document, route, slots].append((bit[document, name], mask))
    routes: dict[str, list[BoundRoute]] = defaultdict(list)
    for (document, route, slots), taken in readers.items():
        routes[route.table].append(BoundRoute(document, route, slots, tuple(taken)))
    return {table: tuple(bound) for table, bound in routes.items()}


def _routes_from(table: str, bound: BoundSection, capture: Capture) -> Iterator[tuple[Route, tuple[int, ...] | None]]:
    """The declared routes with their slots. One that starts from a column that is not captured cannot be followed,
    and a table without any has none that could."""
    slots = {column.name: column.slot for column in capture.columns if column.slot is not None}
    declared = list(bound.routes_of(table))
    for route in declared or [Route(table, (), None)]:
        known = bool(declared) and slots.keys() >= set(route.columns)
        yield route, tuple(slots[name] for name in route.columns) if known else None


def _mask(columns: frozenset[str] | None, route: Route, capture: Capture) -> int:
    """The bits of what a section reads of a table; all of them where it reads what is not captured, since the ERP
    renamed columns, or where its view is gone and nobody can say."""
    known = frozenset(column.name for column in capture.columns)
    wanted = (columns or known) | set(route.columns)
    return capture.mask(known if wanted - known else wanted)
