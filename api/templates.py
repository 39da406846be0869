"""How answers are made of documents: an address is a template over the sections of one document.

`data` is spliced together from the sections' bytes as they lie in Redis, which nothing parses.
"""

import dataclasses
import functools
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from api.documents import StoredDocument
from api.parameters import Parameter, Value
from projector.names import document_key


@dataclass(frozen=True, slots=True)
class Field:
    """One member of `data`: its name, the section that fills it, and what empties it."""

    name: str
    section: str
    flag: str | None = None
    """The query flag whose `false` makes the field null."""
    hidden: bool = False
    """Whether the field is always null at this address."""
    counted: bool = True
    """Whether metadata.data_sources counts the section."""
    members: tuple[str, ...] = ()
    """Of a section whose members stand in `data` themselves: their names. All are null where there is no section."""

    @property
    def names(self) -> tuple[str, ...]:
        """What `data` calls what the section fills."""
        return self.members or (self.name,)


@dataclass(frozen=True, slots=True)
class Selection:
    """What one combination of flags leaves of a template: its fields, and whether each is shown."""

    fields: tuple[tuple[Field, bool], ...]
    sections: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """What an address answers: which sections of which document, under which names.

    The first parameter is the document's id.
    """

    path: str
    document: str
    noun: str
    """What the entity is called in a 404."""
    parameters: tuple[Parameter, ...]
    fields: tuple[Field, ...]
    echo: tuple[tuple[str, str], ...] = ()
    """Members of `data` before the sections that repeat a parameter: (name, parameter)."""
    metadata: tuple[tuple[str, str], ...] = ()
    """Members of `metadata` that repeat a parameter: (name, parameter)."""
    compose: "Compose | None" = None
    """Makes `data` where splicing does not."""
    is_part: bool = False
    """Whether it answers no request, but other addresses join what it shows."""
    join: "Join | None" = None
    """Answers by joining parts; then the fields are those of no document."""


Variant = tuple[Template, tuple[Value, ...]]
"""What tells apart the answers that are made of one document."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request, understood. Equal questions have equal answers at any one moment."""

    template: Template
    values: tuple[Value, ...]
    """The values of the template's parameters, in their order."""
    key: bytes = dataclasses.field(init=False, compare=False)
    """The key of the document that answers the question."""
    variant: Variant = dataclasses.field(init=False, compare=False)
    selection: Selection = dataclasses.field(init=False, compare=False)
    """What of the document the answer shows."""

    def __post_init__(self) -> None:
        document = self.template.document
        date_range = str(self["date_range"]) if document == "dashboard" else None
        key = document_key(document, self.document_id, date_range).encode()
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "variant", (self.template, self.values))
        object.__setattr__(self, "selection", _select(self.template, self.values))

    def __getitem__(self, parameter: str) -> Value:
        names = (known.name for known in self.template.parameters)
        return dict(zip(names, self.values, strict=True))[parameter]

    @property
    def document_id(self) -> int:
        return int(self.values[0] or 0)

    @property
    def length(self) -> int:
        """Characters of free text in it."""
        return sum(len(value) for value in self.values if isinstance(value, str))


Compose = Callable[[Question, StoredDocument], bytes]
Join = Callable[[Question, Any], Awaitable[Any]]
"""From a question and the source of its parts to the answer."""


def compose(question: Question, document: StoredDocument) -> bytes:
    """The answer's `data`."""
    return (question.template.compose or splice)(question, document)


def splice(question: Question, document: StoredDocument) -> bytes:
    """`data` as an object of sections as they are stored, null if one is missing or not shown."""
    members = [_name(name) + encode(question[parameter]) for name, parameter in question.template.echo]
    for field, shown in question.selection.fields:
        body = document.sections[field.section] if shown else None
        if field.members and body is not None:
            members.append(body.strip()[1:-1])
        else:
            members += [_name(name) + (b"null" if body is None else body) for name in field.names]
    return b"{%b}" % b",".join(members)


@functools.cache
def _name(name: str) -> bytes:
    return b'"%b":' % name.encode()


# Made once: json.dumps makes an encoder at every call that asks for other separators.
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def encode(value: object) -> bytes:
    """`value` as JSON; text that cannot be UTF-8 is replaced."""
    return _ENCODER.encode(value).encode("utf-8", "replace")


@functools.lru_cache(maxsize=256)
def _select_flags(template: Template, off: frozenset[str]) -> Selection:
    fields = tuple((field, not field.hidden and field.flag not in off) for field in template.fields)
    sections = tuple(field.section for field, shown in fields if shown)
    return Selection(fields, sections)


def _select(template: Template, values: tuple[Value, ...]) -> Selection:
    off = (p.name for p, value in zip(template.parameters, values, strict=True) if value is False)
    return _select_flags(template, frozenset(off))
