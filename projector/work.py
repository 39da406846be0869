"""The values that flow through the projector: change events, wanted sections, and what is published of them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

SectionBits: TypeAlias = int
"""Sections of one kind of document as bits, in the order of Document.sections."""

Wanted: TypeAlias = defaultdict[str, dict[int, SectionBits]]
"""Document kind to document id to the sections that have to be built."""

Place: TypeAlias = tuple[str, str]
"""A section: document kind and name."""


def nothing_wanted() -> Wanted:
    return defaultdict(dict)


def want(wanted: Wanted, document: str, ids: Iterable[int | None], bits: SectionBits) -> None:
    """Adds sections of documents; unknown ids (a NULL key) are nobody's."""
    documents = wanted[document]
    for id_ in ids:
        if id_ is not None:
            documents[id_] = documents.get(id_, 0) | bits


def want_each(wanted: Wanted, document: str, sections: Mapping[int, SectionBits]) -> None:
    """Adds documents, each with sections of its own."""
    if sections:
        documents = wanted[document]
        for id_, bits in sections.items():
            documents[id_] = documents.get(id_, 0) | bits


def by_sections(wanted: Wanted) -> Iterator[tuple[str, SectionBits, list[int]]]:
    """Kind and sections with all documents that want just these, in a fixed order."""
    for document, ids in sorted(wanted.items()):
        alike: dict[SectionBits, list[int]] = {}
        for id_, bits in ids.items():
            alike.setdefault(bits, []).append(id_)
        yield from ((document, bits, chosen) for bits, chosen in sorted(alike.items()))


@dataclass(frozen=True, slots=True)
class Event:
    """One statement's change of one table, as its trigger wrote it; `keys` are key_1 to key_4."""

    source: str
    operation: str
    changed: int | None
    keys: tuple[list[int | None] | None, ...]
    fault: str | None = None
    """Why the trigger could not tell what changed (operation X); for which causes documents were left (B)."""
    transaction: int = 0


@dataclass(frozen=True, slots=True)
class Fanout:
    """Documents that one change touches but that are too many to resolve at once; JSON in the backlog.

    Either all documents of the kind (no table), or those that a route finds from the values of its columns.
    """

    document: str
    section: str
    table: str | None = None
    columns: tuple[str, ...] = ()
    keys: tuple[tuple[int, ...], ...] = ()
    cause: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """The fence (D6): epoch of the source, order of the snapshot, and its clock in unix microseconds."""

    epoch: int
    order: int
    clock: int

    @property
    def text(self) -> str:
        """In fixed width: texts compare as versions do, in Lua as well."""
        return f"{self.epoch:010} {self.order:020} {self.clock:017}"


@dataclass(frozen=True, slots=True)
class Failure:
    """A section of one document that could not be built, and why."""

    document: str
    id: int
    section: str
    error: str


@dataclass(slots=True)
class Letters:
    """What could not be built when somebody last looked; shared by the builders of one process."""

    sections: dict[Place, str] = field(default_factory=dict)
    """Sections that are broken as a whole, with the error. They are left out until they work again."""
    documents: dict[Place, set[int]] = field(default_factory=dict)
    """Sections of single documents. They are read apart from the others, which their failure would delay."""
    routes: dict[int, float] = field(default_factory=dict)
    """Routes that could not be asked, by identity, and when they are asked again (monotonic seconds)."""


@dataclass(slots=True)
class Built:
    """The outcome of one snapshot: section bytes by document key, tombstones, timers and failures."""

    version: Version
    sections: dict[str, list[bytes]] = field(default_factory=dict)
    """Document key to alternating section name and bytes."""
    degraded: dict[str, list[str]] = field(default_factory=dict)
    """Document key to the sections of it that failed."""
    deleted: set[str] = field(default_factory=set)
    """Keys of documents whose entity does not exist."""
    timers: dict[str, int] = field(default_factory=dict)
    """Timer to the unix microseconds at which it is due."""
    failures: list[Failure] = field(default_factory=list)
    retried: dict[Place, dict[int, int]] = field(default_factory=dict)
    """Documents with a dead letter that were tried again, and how often it had been touched as the snapshot saw it.
    Those that are no failures have been built, or are gone."""
    broken: dict[Place, str] = field(default_factory=dict)
    """Sections that this batch found to be broken as a whole."""
    left_out: dict[Place, list[int]] = field(default_factory=dict)
    """Documents of which a section was wanted that is broken as a whole."""
    documents: int = 0
    cause: str = ""
    """What its documents are built for, as projector.cause writes it."""
    causes: dict[str, str] = field(default_factory=dict)
    """The same of the document keys for which it is something else."""
