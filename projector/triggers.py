"""Triggers: which belong on the ERP's tables, and which stand there."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from projector.capture import OPERATIONS, REPLICATED, create_trigger, function_name, trigger_name
from projector.catalog import quoted
from projector.database import Database
from projector.sql import read_query

_ORDINARY, _REPLICA, _ALWAYS = "O", "R", "A"
_FIRING = {_ORDINARY: "", _REPLICA: "REPLICA ", _ALWAYS: "ALWAYS "}


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a trigger stands."""

    schema: str
    relation: str
    name: str

    @property
    def table(self) -> str:
        return f"{quoted(self.schema)}.{quoted(self.relation)}"

    def drop(self) -> str:
        return f"DROP TRIGGER IF EXISTS {quoted(self.name)} ON {self.table}"


@dataclass(frozen=True, slots=True)
class Standing:
    """A trigger that is there: in which sessions it fires (D: in none), and the function that it calls."""

    firing: str
    function: str


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger that belongs on a captured table, or on a partition or child of it."""

    source: str
    operation: str
    place: Place
    firing: str
    """A for all sessions, those of replication and of restore tools too; R for these alone; O for ordinary ones, where
    the table is not ours to say more."""

    @property
    def function(self) -> str:
        """As PostgreSQL shortens it."""
        return function_name(self.source, self.operation).encode()[:63].decode(errors="ignore")

    def fires(self, standing: Standing | None) -> bool:
        """Whether this one fires wherever it has to."""
        if standing is None:
            return False
        return standing.firing == self.firing or (standing.firing == _ALWAYS and self.firing == _ORDINARY)

    def is_met_by(self, standing: Standing | None) -> bool:
        """The same, and for this table: a trigger of one that the ERP renamed calls the function of the old name."""
        return standing is not None and standing.function == self.function and self.fires(standing)

    def mend(self, standing: Standing | None) -> Iterator[str]:
        """The statements that make it so."""
        firing = _ORDINARY  # of a trigger that has just been created or replaced
        if standing is not None and standing.function == self.function:
            firing = standing.firing
        else:
            yield create_trigger(self.place.schema, self.place.relation, self.source, self.operation)
        if firing != self.firing:
            yield (f"ALTER TABLE {self.place.table} ENABLE {_FIRING[self.firing]}TRIGGER {quoted(self.place.name)}")


def wanted_triggers(connection: Database, schema: str, tables: Iterable[str]) -> list[Trigger]:
    """Four for each captured table and each partition or child of it, fired in every session where we may say so; and
    one for each row that logical replication writes."""
    triggers = []
    rows = connection.execute(read_query("capture_targets"), (quoted(schema), sorted(tables)))
    for source, its_schema, relation, owned, subscribed in rows:
        for operation in OPERATIONS:
            place = Place(its_schema, relation, trigger_name(operation))
            triggers.append(Trigger(source, operation, place, _ALWAYS if owned else _ORDINARY))
        if subscribed:
            place = Place(its_schema, relation, trigger_name(REPLICATED))
            triggers.append(Trigger(source, REPLICATED, place, _REPLICA))
    return triggers


def standing_triggers(connection: Database) -> dict[Place, Standing]:
    """Each trigger that calls a function of ours."""
    rows = connection.execute(read_query("trigger_states"))
    return {Place(schema, relation, name): Standing(*state) for schema, relation, name, *state in rows}
