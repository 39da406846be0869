"""The installed definitions as a running projector uses them: sections, what they read, where routes lead."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from projector.capture import MAX_SLOTS, Capture, CapturedColumn
from projector.catalog import Reads
from projector.errors import DefinitionError, InstallError
from projector.sections import Document, Route, Section, load_documents, load_shared
from projector.sql import read_sql, sql_root


@dataclass(frozen=True, slots=True)
class BoundSection:
    """A section with the tables and columns that PostgreSQL says its view reads."""

    section: Section
    reads: Reads

    def routes_of(self, table: str) -> Iterable[Route]:
        return (route for route in self.section.routes if route.table == table)


def package_fingerprint() -> str:
    """Changes with anything that `install` would install."""
    digest = hashlib.sha256()
    for shared in load_shared():
        digest.update(f"{shared.name}\n{shared.query}\n".encode())
    for document in load_documents():
        digest.update(f"{document.name}\n{document.ids_query}\n".encode())
        for section in document.sections:
            digest.update(f"{section.fingerprint}\n{section.routes}\n".encode())
    for folder in ("schema", "capture"):
        for path in sorted((sql_root() / folder).rglob("*.sql")):
            digest.update(read_sql(str(path.relative_to(sql_root()))).encode())
    return digest.hexdigest()[:16]


def require_routes(bound: BoundSection) -> None:
    """Every table that a section reads has a route, and every route starts where the section reads (D2)."""
    section = bound.section
    routed = {route.table for route in section.routes}
    for table, columns in bound.reads.items():
        if table not in routed:
            raise InstallError(
                f"Section {section.document}.{section.name} reads {table} ({', '.join(sorted(columns))})"
                f" but has no route from it. Add '-- route {table}.…' to its file."
            )
    if idle := routed - bound.reads.keys():
        raise DefinitionError(
            f"Section {section.document}.{section.name} has a route from {', '.join(sorted(idle))},"
            " which it does not read. Remove it from its file."
        )


def plan_captures(
    sections: Iterable[BoundSection],
    places: Mapping[str, Mapping[str, tuple[int, int | None]]],
    comparable: Mapping[str, Mapping[str, bool]],
) -> list[Capture]:
    """One capture for each table that is read, keeping the places (bit, slot) that columns already have. A route from
    a column that the ERP lacks is captured as nothing: it cannot be followed, and whoever resolves knows by that."""
    columns: dict[str, set[str]] = defaultdict(set)
    keys: dict[str, set[str]] = defaultdict(set)
    for bound in sections:
        for table, read in bound.reads.items():
            routes = (route for route in bound.routes_of(table) if comparable[table].keys() >= set(route.columns))
            keys[table].update(name for route in routes for name in route.columns)
            columns[table] |= read | keys[table] | {"id"}
    return [
        _plan_capture(table, columns[table], keys[table], places.get(table, {}), comparable[table])
        for table in sorted(columns)
    ]


def _plan_capture(
    table: str,
    columns: set[str],
    keys: set[str],
    places: Mapping[str, tuple[int, int | None]],
    comparable: Mapping[str, bool],
) -> Capture:
    bits = {name: bit for name, (bit, _) in places.items()}
    slots = {name: slot for name, (_, slot) in places.items() if slot is not None}
    for name in sorted(columns - bits.keys()):
        bits[name] = max(bits.values(), default=-1) + 1
    for name in sorted(keys - slots.keys()):
        slots[name] = max(slots.values(), default=0) + 1
    if max(bits.values()) > 62 or max(slots.values(), default=0) > MAX_SLOTS:
        raise InstallError(
            f"Too many columns of {table} are captured ({len(bits)}, {len(slots)} of them keys)."
            " Uninstall and install again to number them anew."
        )
    # A column that no section reads any more keeps its place, but stays out of the trigger: the ERP may drop it.
    known = (name for name in bits if name in columns and name in comparable)
    return Capture(
        table,
        tuple(CapturedColumn(n, bits[n], slots.get(n), comparable[n]) for n in sorted(known, key=bits.__getitem__)),
    )


def section_fingerprint(section: Section, timezone: str) -> str:
    """The fingerprint of what is installed: a section of the clock depends on the zone, too."""
    return f"{section.fingerprint}@{timezone}" if section.reads_clock else section.fingerprint


def document_named(name: str) -> Document:
    return next(document for document in load_documents() if document.name == name)
