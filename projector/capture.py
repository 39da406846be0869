"""Capture: the statement triggers that write change events, generated from what the sections read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from projector.catalog import literal, quoted
from projector.sql import read_sql

MAX_SLOTS = 4
OPERATIONS = ("insert", "update", "delete", "truncate")
REPLICATED = "replicated"
"""Not an operation but a way in which rows come: written by logical replication."""
EVERY_COLUMN = 2**63 - 1
MOST_KEYS = 100_000
"""An event names so many rows by one key at most. One of 90,000 costs the worker 40 MB for a moment, and a fresh change
that comes behind it 0.7 s; beyond that whatever reads the table is rebuilt in the background."""

_TEMPLATES = {
    "insert": "rows",
    "update": "update",
    "delete": "rows",
    "truncate": "truncate",
    REPLICATED: "replicated",
}
_TRANSITIONS = {
    "insert": " REFERENCING NEW TABLE AS changed_rows",
    "update": " REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": " REFERENCING OLD TABLE AS changed_rows",
    "truncate": "",
    REPLICATED: "",
}


@dataclass(frozen=True, slots=True)
class CapturedColumn:
    """A column whose changes are recorded: its bit in `changed`, and its key_<slot> where a route starts from it."""

    name: str
    bit: int
    slot: int | None
    comparable: bool = True


@dataclass(frozen=True, slots=True)
class Capture:
    """What is recorded of one ERP table."""

    table: str
    columns: tuple[CapturedColumn, ...]

    @property
    def keys(self) -> Sequence[CapturedColumn]:
        return sorted((c for c in self.columns if c.slot is not None), key=lambda c: c.slot or 0)

    def mask(self, names: frozenset[str]) -> int:
        """The bits of these columns."""
        return sum(1 << column.bit for column in self.columns if column.name in names)


def function_name(table: str, operation: str) -> str:
    return f"capture_{table}_{operation}"


def trigger_name(operation: str) -> str:
    return f"projector_capture_{operation}"


def functions(capture: Capture) -> Iterator[str]:
    """CREATE OR REPLACE FUNCTION for each operation; needs no lock on the ERP's table."""
    common = {
        "source": literal(capture.table),
        "declarations": "".join(f"\n    {_variable(key)} bigint[];" for key in capture.keys),
        "variables": "".join(f", {_variable(key)}" for key in capture.keys),
        "key_columns": "".join(f", key_{key.slot}" for key in capture.keys),
        "sizes": "".join(f", cardinality({_variable(key)})" for key in capture.keys),
        "most_keys": str(MOST_KEYS),
    }
    for operation, template in _TEMPLATES.items():
        name = quoted(function_name(capture.table, operation))
        text = read_sql(f"capture/{template}.sql").strip()
        yield text.format_map(common | _parts(capture, operation) | {"function": name})


def create_trigger(schema: str, relation: str, table: str, operation: str) -> str:
    """CREATE OR REPLACE TRIGGER on a captured table, or on a partition or child of it; waits for the relation's
    writers (SHARE ROW EXCLUSIVE)."""
    when = "INSERT OR UPDATE OR DELETE" if operation == REPLICATED else operation.upper()
    return (
        f"CREATE OR REPLACE TRIGGER {trigger_name(operation)} AFTER {when}"
        f" ON {quoted(schema)}.{quoted(relation)}"
        f"{_TRANSITIONS[operation]} FOR EACH {'ROW' if operation == REPLICATED else 'STATEMENT'}"
        f" EXECUTE FUNCTION projector.{quoted(function_name(table, operation))}()"
    )


def _parts(capture: Capture, operation: str) -> dict[str, str]:
    keys = capture.keys
    if operation == "update":
        return {
            "mask": " | ".join(_bit(column) for column in capture.columns),
            "keys_of_one": _join(keys, ", ARRAY[o.{0}::bigint, n.{0}::bigint]"),
            "old_and_new": _join(keys, ", o.{0}::bigint AS old_{1}, n.{0}::bigint AS new_{1}"),
            "keys": _join(keys, ", array_agg(DISTINCT old_{1}) || array_agg(DISTINCT new_{1})"),
        }
    return {
        "operation": literal(operation[0].upper()),
        "keys_of_one": _join(keys, ", ARRAY[c.{0}::bigint]"),
        "keys": _join(keys, ", array_agg(DISTINCT c.{0}::bigint)"),
        "assignments": _join(keys, "_key_{1} := ARRAY[OLD.{0}::bigint, NEW.{0}::bigint]; "),
    }


def _join(keys: Sequence[CapturedColumn], form: str) -> str:
    return "".join(form.format(quoted(key.name), key.slot) for key in keys)


def _variable(key: CapturedColumn) -> str:
    return f"_key_{key.slot}"


def _bit(column: CapturedColumn) -> str:
    cast = "" if column.comparable else '::text COLLATE "C"'
    name = quoted(column.name)
    bits = EVERY_COLUMN if column.name == "id" else 1 << column.bit
    return f"CASE WHEN o.{name}{cast} IS DISTINCT FROM n.{name}{cast} THEN {bits} ELSE 0 END"
