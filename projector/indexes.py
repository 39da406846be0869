"""The indexes that sections need and the ERP lacks, as statements that are ready to run."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from projector.catalog import quoted
from projector.database import Database
from projector.sections import Index, load_documents
from projector.sql import read_query


@dataclass(frozen=True, slots=True)
class Shape:
    """An index as PostgreSQL writes it: key columns with their order, and the predicate."""

    columns: tuple[str, ...]
    predicate: str | None

    def serves(self, wanted: "Shape") -> bool:
        """Whether this index finds what the wanted one would."""
        return self.columns[: len(wanted.columns)] == wanted.columns and self.predicate in (
            None,
            wanted.predicate,
        )


@dataclass(frozen=True, slots=True)
class MissingIndex:
    """A proposal, and the sections that need it."""

    statement: str
    sections: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.statement};  -- for {', '.join(self.sections)}"


def missing_indexes(connection: Database, schema: str) -> list[MissingIndex]:
    """What `check` proposes. Definitions are compared in PostgreSQL's own spelling, taken from an empty temporary
    copy of the table; nothing is left behind."""
    needs: dict[Index, list[str]] = {}
    for index, section in _needed():
        needs.setdefault(index, []).append(section)
    shapes: dict[Index, Shape] = {}
    with connection.transaction(force_rollback=True):
        for index in needs:
            if (shape := _wanted_shape(connection, schema, index)) is not None:
                shapes[index] = shape
        existing = {index.table: _shapes(connection, f"{quoted(schema)}.{quoted(index.table)}") for index in shapes}
    missing = {
        index: shape for index, shape in shapes.items() if not any(has.serves(shape) for has in existing[index.table])
    }
    return [
        MissingIndex(_statement(schema, index), tuple(sorted(_sections(index, missing, needs))))
        for index, shape in sorted(missing.items(), key=lambda item: str(item[0]))
        if not _covered(index, shape, missing)
    ]


def _needed() -> Iterator[tuple[Index, str]]:
    for document in load_documents():
        for section in document.sections:
            for index in section.indexes:
                yield index, f"{document.name}.{section.name}"


def _covered(index: Index, shape: Shape, missing: dict[Index, Shape]) -> bool:
    """Whether another proposal serves as well: a longer one, or the first of two spellings of the same."""
    return any(
        other.serves(shape) and (not shape.serves(other) or str(another) < str(index))
        for another, other in missing.items()
        if another != index and another.table == index.table
    )


def _sections(index: Index, missing: dict[Index, Shape], needs: dict[Index, list[str]]) -> set[str]:
    shape = missing[index]
    return {
        section
        for other, wanted in missing.items()
        if other.table == index.table and shape.serves(wanted)
        for section in needs[other]
    }


def _wanted_shape(connection: Database, schema: str, index: Index) -> Shape | None:
    """The index as PostgreSQL would write it; None where the ERP lacks the (optional) table, or cannot have it."""
    relation = f"{quoted(schema)}.{quoted(index.table)}"
    row = connection.execute("SELECT to_regclass($1) IS NOT NULL", (relation,)).fetchone()
    if row is None or not row[0]:
        return None
    copy = quoted(f"projector_{_digest(index)}")
    try:
        with connection.transaction():
            connection.execute(f"CREATE TEMPORARY TABLE {copy} (LIKE {relation})")
            connection.execute(f"CREATE INDEX ON pg_temp.{copy} {index.definition}")
    except (psycopg.errors.InvalidObjectDefinition, psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedFunction):
        return None  # this ERP's columns do not allow it: upper() of an enum, a column that was renamed
    return _shapes(connection, f"pg_temp.{copy}")[0]


def _shapes(connection: Database, relation: str) -> list[Shape]:
    rows = connection.execute(read_query("index_columns"), (relation,))
    return [Shape(tuple(columns), predicate) for columns, predicate in rows]


def _statement(schema: str, index: Index) -> str:
    return (
        f"CREATE INDEX CONCURRENTLY IF NOT EXISTS projector_{index.table}_{_digest(index)}"
        f" ON {quoted(schema)}.{quoted(index.table)} {index.definition}"
    )


def _digest(index: Index) -> str:
    return hashlib.sha256(str(index).encode()).hexdigest()[:8]
