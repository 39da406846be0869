"""What the files under sql/sections say: documents, their sections, and the routes that lead to them.

A section is one SELECT with a comment header. The header's directives:

    -- route <table>.<column>                    the column holds document ids
    -- route <table>.<column>[, <column>] -> <SELECT …>   $1, $2: the changed rows' old and new values
    -- route <table> -> <SELECT …>               no parameter
    -- index <table> (<columns>) [WHERE …]       an index that the view or a route needs
    -- empty <json>                              the value where an optional table is missing

A directive goes on in following lines that begin with at least three spaces. A SELECT that several sections read is a
file in the folder _shared, and the view projector.shared_<name>.
"""

import functools
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

from projector.errors import DefinitionError
from projector.names import PACED, RANGES, variants_of
from projector.sql import sql_root

OPTIONAL_TABLES = frozenset({"reviews", "customer_addresses", "carts", "cart_items", "promotions"})

_DIRECTIVE = re.compile(r"-- (route|index|empty)\s+(.*)", re.DOTALL)
_ROUTE = re.compile(r"(?P<table>\w+)(?:\.(?P<columns>\w+(?:\s*,\s*\w+)*))?(?:\s*->\s*(?P<query>.+))?", re.DOTALL)
_INDEX = re.compile(r"(?P<table>\w+)\s*(?P<definition>\(.*)", re.DOTALL)
_ASKED = re.compile(r"projector\.asked\b")
_CLOCK = re.compile(r"projector\.(now|today|midnight)\b")
_FORBIDDEN_CLOCK = re.compile(
    r"(?<!projector\.)\b(now\(\)|current_(date|timestamp|time)|localtime|clock_timestamp)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Route:
    """From changed rows of a table to document ids: a column of the row itself, or a set query."""

    table: str
    columns: tuple[str, ...]
    query: str | None

    @property
    def question(self) -> str:
        """The route as a query, also where the column itself holds the ids."""
        return self.query or "SELECT unnest($1::bigint[])"

    def __str__(self) -> str:
        return f"{self.table}.{', '.join(self.columns)}" if self.columns else self.table


@dataclass(frozen=True, slots=True)
class Index:
    """An index that the ERP needs for a section to be built at the same cost at any size."""

    table: str
    definition: str


@dataclass(frozen=True, slots=True)
class Shared:
    """A SELECT that several sections read, as the view projector.shared_<name>; what it reads, they read."""

    name: str
    query: str

    @property
    def view(self) -> str:
        return f"shared_{self.name}"

    def is_read_by(self, query: str) -> bool:
        return re.search(rf"projector\.{self.view}\b", query) is not None


@dataclass(frozen=True, slots=True)
class Section:
    """One field of a document: the SELECT that becomes the view projector.<document>_<name>."""

    document: str
    name: str
    summary: str
    query: str
    routes: tuple[Route, ...]
    indexes: tuple[Index, ...]
    empty: str | None
    reads_clock: bool
    """Whether time alone can change it, so that its builds set a timer."""
    reads_asked: bool = False
    """Whether how it is found depends on how many are read at once, so that whoever reads it says that."""

    @property
    def view(self) -> str:
        return f"{self.document}_{self.name}"

    @property
    def shared(self) -> list[Shared]:
        """What it reads together with other sections."""
        return _used(self.query)

    @property
    def fingerprint(self) -> str:
        """Changes when the text that decides the section's bytes does."""
        shared = "".join(f"\n{it.query}" for it in self.shared)
        text = f"{self.query}\n{self.empty}\n{_functions()}{shared}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Document:
    """A kind of document: which ids exist, and its sections in the order of the answer."""

    name: str
    ids_query: str
    sections: tuple[Section, ...]

    @property
    def by_range(self) -> bool:
        """Whether one id has a document (and a row of each view) for each date range."""
        return variants_of(self.name) == RANGES

    @property
    def is_paced(self) -> bool:
        """Whether its changes are gathered, and documents built at most once in so long."""
        return self.name in PACED

    @property
    def takes_long(self) -> bool:
        """Whether it sums up a period, so that fresh changes queue it (each once) instead of waiting for it."""
        return self.by_range


@functools.cache
def load_documents() -> tuple[Document, ...]:
    """Every document that sql/sections defines, by name; DefinitionError names the file at fault."""
    root = sql_root() / "sections"
    folders = (folder for folder in sorted(root.iterdir()) if folder.is_dir() and not folder.name.startswith("_"))
    return tuple(map(_load_document, folders))


@functools.cache
def load_shared() -> tuple[Shared, ...]:
    """What several sections read, each behind those that it reads itself."""
    files = sorted((sql_root() / "sections" / "_shared").glob("*.sql"))
    found = [Shared(path.stem, _split_header(path.read_text(encoding="utf-8"))[1]) for path in files]
    order = TopologicalSorter({it: [other for other in found if other.is_read_by(it.query)] for it in found})
    return tuple(order.static_order())


def _used(query: str) -> list[Shared]:
    """What a SELECT reads, and what that reads itself."""
    used: list[Shared] = []
    for shared in reversed(load_shared()):
        if any(map(shared.is_read_by, (query, *(it.query for it in used)))):
            used.append(shared)
    return used


@functools.cache
def _functions() -> str:
    """What the sections' helper functions say: a change of one may change any section."""
    folder = sql_root() / "schema" / "functions"
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.sql")))


def _load_document(folder: Path) -> Document:
    files = sorted(path for path in folder.glob("*.sql") if not path.name.startswith("_"))
    _, ids_query = _split_header((folder / "_ids.sql").read_text(encoding="utf-8"))
    return Document(folder.name, ids_query, tuple(_load_section(path) for path in files))


def _load_section(path: Path) -> Section:
    header, query = _split_header(path.read_text(encoding="utf-8"))
    try:
        return _parse_section(path.parent.name, path.stem, header, query)
    except ValueError as error:
        raise DefinitionError(f"{path.parent.name}/{path.name}: {error}. Correct the header.") from None


def _parse_section(document: str, name: str, header: list[str], query: str) -> Section:
    if _FORBIDDEN_CLOCK.search(query):
        raise ValueError("uses a clock of PostgreSQL's; use projector.now() or projector.today()")
    directives = [match.groups() for line in header if (match := _DIRECTIVE.fullmatch(line))]
    empty = [json.dumps(json.loads(text), ensure_ascii=False) for kind, text in directives if kind == "empty"]
    texts = [query, *(shared.query for shared in _used(query))]
    return Section(
        document=document,
        name=name,
        summary=header[0].removeprefix("--").strip() if header else "",
        query=query,
        routes=tuple(_parse_route(text) for kind, text in directives if kind == "route"),
        indexes=tuple(_parse_index(text) for kind, text in directives if kind == "index"),
        empty=empty[0] if empty else None,
        reads_clock=any(map(_CLOCK.search, texts)),
        reads_asked=any(map(_ASKED.search, texts)),
    )


def _parse_route(text: str) -> Route:
    match = _ROUTE.fullmatch(text)
    if match is None or not (match["columns"] or match["query"]):
        raise ValueError(f"route {text!r} is not of the form table.column [-> SELECT …]")
    columns = tuple(re.split(r"\s*,\s*", match["columns"])) if match["columns"] else ()
    query = match["query"] and re.sub(r"\$(\d)", r"$\1::bigint[]", match["query"])
    return Route(match["table"], columns, query)


def _parse_index(text: str) -> Index:
    match = _INDEX.fullmatch(text)
    if match is None:
        raise ValueError(f"index {text!r} is not of the form table (columns) [WHERE …]")
    return Index(match["table"], match["definition"])


def _split_header(text: str) -> tuple[list[str], str]:
    """Comment lines up to the SELECT, with continued lines joined; and the SELECT itself."""
    lines = text.splitlines()
    length = next((n for n, line in enumerate(lines) if not line.startswith("--")), len(lines))
    query = "\n".join(lines[length:]).strip().rstrip(";")
    return list(_joined(lines[:length])), query


def _joined(lines: list[str]) -> Iterator[str]:
    current = ""
    for line in lines:
        if line.startswith("--   ") and current:
            current += " " + line.removeprefix("--").strip()
        else:
            if current:
                yield current
            current = line.rstrip()
    if current:
        yield current
