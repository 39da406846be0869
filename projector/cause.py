"""Causes: what a section was built for, in a few bytes that travel with the work and are kept beside its version.

One cause is `<operation>:<table>:<transaction>` of a change event, followed by `+<n>` where so many other events of the
batch touched the same section, or by `~<n>` where it is only known that the section belongs to so many more events; or
one of the words below. Where the sections of a document have several, each stands behind the names of its sections:
`inventory=U:inventory_items:951;reviews=I:reviews:950`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Self

FIRST, REBUILD, REFILL, EPOCH, INSTALL = "first", "rebuild", "refill", "epoch", "install"
TIMER, CLOCK, REFRESH, RETRY, REPAIR = "timer", "clock", "refresh", "retry", "repair"
RESUME, RECHECK, TRIGGER, READER = "resume", "recheck", "trigger", "reader"

WORDS: Final = MappingProxyType(
    {
        FIRST: "the first build of all documents of its kind",
        REBUILD: "a rebuild by hand",
        REFILL: "a rebuild of everything, because Redis had lost documents",
        EPOCH: "a rebuild of everything, because PostgreSQL restarted its counting",
        INSTALL: "an installation that changed its definition, or what is captured for it",
        TIMER: "its own timer, as it had been valid until then",
        CLOCK: "the business clock, which had been put back",
        REFRESH: "a request of the read API",
        RETRY: "another try, after it could not be built",
        REPAIR: "the audit or verify --repair, which found it to differ",
        RESUME: "a rebuild of everything, because capture had been paused",
        RECHECK: "a second look, once all transactions had ended of which capture may have missed something",
        READER: "a reader who waited for a transaction, whose change had not been built yet",
        TRIGGER: "a trigger that was back after it had been disabled or dropped",
    }
)
"""What else than a change event a section is built for. Short, so that they fit where memory is allocated anyway."""

_OPERATIONS: Final = MappingProxyType(
    {
        "I": "an insert into",
        "U": "an update of",
        "D": "a delete from",
        "T": "a truncation of, or a change of very many rows in,",
        "X": "a change that the trigger could not read in",
    }
)
_ONE = re.compile(
    r"(?:(?P<sections>[\w,]+)=)?(?:(?P<operation>[A-Z]):(?P<table>[^:]+):(?P<transaction>\d+)"
    r"(?:(?P<mark>[+~])(?P<others>\d+))?|(?P<word>\w+))"
)


@dataclass(frozen=True, slots=True)
class Cause:
    """A change event, or a word; `others` are events beside it. They touched the same section, unless `together`: then
    it is only known that all of them were taken at once, and this is the newest."""

    word: str = "event"
    operation: str | None = None
    table: str | None = None
    transaction: int | None = None
    others: int = 0
    together: bool = False

    @classmethod
    def read(cls, text: str) -> Self | None:
        """None where the text is of another version of this program."""
        match = _ONE.fullmatch(text)
        if match is None:
            return None
        if match["word"]:
            return cls(match["word"])
        mark, others = match["mark"], int(match["others"] or 0)
        return cls("event", match["operation"], match["table"], int(match["transaction"]), others, mark == "~")

    @property
    def text(self) -> str:
        if self.table is None:
            return self.word
        mark = "~" if self.together else "+"
        return f"{self.operation}:{self.table}:{self.transaction}{f'{mark}{self.others}' if self.others else ''}"

    def __str__(self) -> str:
        if self.table is None:
            return WORDS.get(self.word, self.word)
        what = f"{_OPERATIONS.get(self.operation or '', 'a change of')} {self.table}, transaction {self.transaction}"
        if not self.others:
            return what
        if self.together:
            return f"one of {self.others + 1} events that were taken together, the newest {what}"
        return f"{what}, and {self.others} other event{'s' if self.others > 1 else ''}"


def cause_of(text: str, section: str) -> Cause | None:
    """What a document's text says of one section; None where it says nothing that can be read."""
    first = None
    for one in text.split(";"):
        cause = Cause.read(one)
        if cause is None:
            continue
        names, _, _ = one.rpartition("=")
        if not names or section in names.split(","):
            return cause
        first = first or replace(cause, others=cause.others + 1, together=True)
    return first


def merge(texts: Sequence[str]) -> str:
    """One text for all of these, the newest last: the newest, together with the others."""
    distinct = list(dict.fromkeys(filter(None, texts)))
    if len(distinct) < 2:
        return "".join(distinct)
    causes = [cause for text in distinct if (cause := Cause.read(text.partition(";")[0])) is not None]
    if not causes:
        return ""
    events = sum(cause.others + 1 for cause in causes)
    return replace(causes[-1], others=events - 1, together=True).text


@lru_cache(maxsize=4_096)
def of_sections(parts: tuple[tuple[str, str], ...]) -> str:
    """A text for a document from pairs of a section's name, "*" for all of them, and its text; of a section that has
    several the newest is last."""
    by_section: dict[str, list[str]] = {}
    for section, text in parts:
        if text:
            by_section.setdefault(section, []).append(text)
    by_text: dict[str, list[str]] = {}
    for section, texts in by_section.items():
        by_text.setdefault(merge(texts), []).append(section)
    if len(by_text) == 1:
        return next(iter(by_text))
    named = [f"{','.join(names)}={text}" for text, names in by_text.items() if "*" not in names]
    return ";".join([*named, *(text for text, names in by_text.items() if "*" in names)])
