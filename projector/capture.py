"""Capture: the statement triggers that write change events, generated from what the sections read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from projector.catalog import literal, quoted
from projector.sql import read_sql

MAX_SLOTS = 4
OPERATIONS = ("insert", "update", "delete", "truncate")

_TRANSITIONS = {
    "insert": " REFERENCING NEW TABLE AS changed_rows",
    "update": " REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": " REFERENCING OLD TABLE AS changed_rows",
    "truncate": "",
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
        "key_columns": "".join(f", key_{key.slot}" for key in capture.keys),
    }
    for operation in OPERATIONS:
        name = quoted(function_name(capture.table, operation))
        yield _template(operation).format_map(common | _parts(capture, operation) | {"function": name})


def trigger(schema: str, table: str, operation: str) -> str:
    """CREATE OR REPLACE TRIGGER, which waits for the table's writers (SHARE ROW EXCLUSIVE)."""
    return (
        f"CREATE OR REPLACE TRIGGER {trigger_name(operation)} AFTER {operation.upper()}"
        f" ON {quoted(schema)}.{quoted(table)}"
        f"{_TRANSITIONS[operation]} FOR EACH STATEMENT"
        f" EXECUTE FUNCTION projector.{quoted(function_name(table, operation))}()"
    )


def _template(operation: str) -> str:
    file = {"insert": "rows", "delete": "rows"}.get(operation, operation)
    return read_sql(f"capture/{file}.sql").strip()


def _parts(capture: Capture, operation: str) -> dict[str, str]:
    keys = capture.keys
    if operation == "update":
        return {
            "mask": " | ".join(_bit(column) for column in capture.columns),
            "old_and_new": "".join(
                f", o.{quoted(k.name)}::bigint AS old_{k.slot}, n.{quoted(k.name)}::bigint AS new_{k.slot}"
                for k in keys
            ),
            "keys": "".join(f", array_agg(DISTINCT old_{k.slot}) || array_agg(DISTINCT new_{k.slot})" for k in keys),
        }
    distinct = "".join(f", array_agg(DISTINCT {quoted(k.name)}::bigint)" for k in keys)
    return {"operation": literal(operation[0].upper()), "keys": distinct}


def _bit(column: CapturedColumn) -> str:
    cast = "" if column.comparable else '::text COLLATE "C"'
    name = quoted(column.name)
    return f"CASE WHEN o.{name}{cast} IS DISTINCT FROM n.{name}{cast} THEN {1 << column.bit} ELSE 0 END"
