"""Two PostgreSQL roles for an installation: one that owns it, and one that a worker runs under and that may do no more
than that.

Neither may log in: the operator gives them a password, or grants them to a role that may.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import psycopg

from projector.catalog import literal, quoted, view_reads
from projector.database import Database
from projector.definitions import BoundSection
from projector.errors import InstallError
from projector.sections import Route
from projector.sql import read_query

OWNER: Final = "projector_owner"
WORKER: Final = "projector_worker"

_DEFINITIONS: Final = ("installation", "section", "captured_column")
"""Tables that an installation alone writes."""
_PROBE: Final = "projector.route_probe"

Columns = dict[str, set[str]]


def has_roles(connection: Database) -> bool:
    """Whether this installation belongs to the role for it."""
    row = connection.execute(
        "SELECT pg_get_userbyid(nspowner) = $1 FROM pg_namespace WHERE nspname = 'projector'", (OWNER,)
    ).fetchone()
    return row is not None and bool(row[0])


def grant_roles(connection: Database, schema: str, bound: Iterable[BoundSection], run: Callable[[str], None]) -> None:
    """Makes the roles and gives each what it needs, within the installation's transaction; InstallError where this
    role may not give it."""
    columns = _columns_read(connection, bound)
    run(_create(OWNER))
    run(_create(WORKER))
    for statement in (
        *_grants_to_owner(connection, schema, columns),
        *_hand_over(connection),
        *_grants_to_worker(schema, columns),
    ):
        run(statement)
    _require(connection, schema, columns)


def _create(role: str) -> str:
    return f"DO $$ BEGIN IF to_regrole({literal(role)}) IS NULL THEN CREATE ROLE {role} NOLOGIN; END IF; END $$"


def _grants_to_owner(connection: Database, schema: str, columns: Columns) -> Iterator[str]:
    """What an installation needs. Who installs without being a superuser stays a member: triggers that were called
    just before belong to them still."""
    if connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() != (True,):
        yield f"GRANT {OWNER} TO CURRENT_USER"
    yield f"GRANT CREATE ON DATABASE {quoted(connection.info.dbname)} TO {OWNER}"
    yield f"GRANT USAGE ON SCHEMA {quoted(schema)} TO {OWNER}"
    tables = ", ".join(f"{quoted(schema)}.{quoted(table)}" for table in sorted(columns))
    yield f"GRANT SELECT, TRIGGER ON {tables} TO {OWNER}"


def _hand_over(connection: Database) -> Iterator[str]:
    """Everything in the schema, what it belongs to last."""
    for (statement,) in connection.execute(read_query("hand_over"), (OWNER,)).fetchall():
        yield statement
    if not has_roles(connection):
        yield f"ALTER SCHEMA projector OWNER TO {OWNER}"


def _grants_to_worker(schema: str, columns: Columns) -> Iterator[str]:
    yield f"GRANT USAGE ON SCHEMA projector, {quoted(schema)} TO {WORKER}"
    yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA projector TO {WORKER}"
    written = ", ".join(f"projector.{table}" for table in _DEFINITIONS)
    yield f"REVOKE INSERT, UPDATE, DELETE ON {written} FROM {WORKER}"
    yield f"GRANT SELECT, UPDATE ON SEQUENCE projector.asleep TO {WORKER}"
    for table in sorted(columns):
        relation = f"{quoted(schema)}.{quoted(table)}"
        names = ", ".join(map(quoted, sorted(columns[table])))
        # What an earlier version read is taken back.
        yield f"REVOKE ALL ON {relation} FROM {WORKER}"
        yield f"GRANT SELECT ({names}) ON {relation} TO {WORKER}"


def _columns_read(connection: Database, bound: Iterable[BoundSection]) -> Columns:
    """What sections and their routes read of the ERP."""
    columns: Columns = defaultdict(set)
    for it in bound:
        reads = [it.reads, *(route_reads(connection, route) for route in it.section.routes)]
        for table, names in (pair for found in reads for pair in found.items()):
            columns[table] |= names
    return columns


def route_reads(connection: Database, route: Route) -> dict[str, frozenset[str]]:
    """PostgreSQL's own word for it, of the query as a view that goes again. A broken route reads nothing."""
    if route.query is None:
        return {}
    query = re.sub(r"\$[0-9]+", "'{}'", route.query)
    try:
        with connection.transaction():
            connection.execute(f"CREATE VIEW {_PROBE} AS {query}")
            reads = dict(view_reads(connection, _PROBE.partition(".")[2]) or {})
            connection.execute(f"DROP VIEW {_PROBE}")
    except (psycopg.ProgrammingError, psycopg.DataError):
        return {}
    return reads


def _require(connection: Database, schema: str, columns: Columns) -> None:
    """A GRANT of what one has no right to give away is a warning to PostgreSQL and nothing else."""
    for table, names in sorted(columns.items()):
        relation = f"{quoted(schema)}.{quoted(table)}"
        query = "SELECT bool_and(has_column_privilege($1, $2, name, 'SELECT')) FROM unnest($3::text[]) AS name"
        if connection.execute(query, (WORKER, relation, sorted(names))).fetchone() != (True,):
            raise InstallError(
                f"This role may not give others the right to read {schema}.{table}. Have the owner of the ERP's"
                " tables run: projector install --roles"
            )
