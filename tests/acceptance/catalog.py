"""What a database holds, as text that can be compared: the projector's installation, and the ERP around it."""

from collections.abc import Mapping
from typing import Any

import psycopg

_OBJECTS = {
    "functions": """
        SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = to_regnamespace('projector')""",
    "triggers": """
        SELECT t.oid, t.tgrelid::regclass::text, t.tgenabled::text, pg_get_triggerdef(t.oid) FROM pg_trigger t
        JOIN pg_proc p ON p.oid = t.tgfoid WHERE p.pronamespace = to_regnamespace('projector')""",
    "views": "SELECT viewname::text, definition FROM pg_views WHERE schemaname = 'projector'",
    "columns": """
        SELECT table_name::text, column_name::text, data_type::text, is_nullable::text, column_default::text
        FROM information_schema.columns WHERE table_schema = 'projector'""",
    "constraints": """
        SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = to_regnamespace('projector') AND contype <> 'n'""",
    "indexes": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'projector'",
}
_CONTENT = {
    "installation": "SELECT version, fingerprint, timezone, erp_schema FROM projector.installation",
    "section": "SELECT * FROM projector.section",
    "captured columns": "SELECT * FROM projector.captured_column",
    "rebuilds": "SELECT document, reason FROM projector.rebuild",
    "backlog": "SELECT document, ids, section, fanout::text FROM projector.backlog",
}
_ERP = {
    "relations": """
        SELECT relname::text, relkind::text, relfilenode, reloptions, relacl::text, relreplident::text
        FROM pg_class WHERE relnamespace = 'public'::regnamespace""",
    "columns": """
        SELECT attrelid::regclass::text, attname::text, format_type(atttypid, atttypmod), attnotnull, attidentity::text
        FROM pg_attribute WHERE attnum > 0 AND attrelid IN (
            SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)""",
    "constraints": """
        SELECT conrelid::regclass::text, conname::text, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace""",
    "functions": "SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "own triggers": """
        SELECT tgrelid::regclass::text, tgname::text FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
        WHERE p.pronamespace IS DISTINCT FROM to_regnamespace('projector')""",
}


def read_installation(url: str, *, identity: bool = True) -> Mapping[str, list[Any]]:
    """Every object of the installation and what it says of itself; `identity` counts in which trigger is which,
    so that one that was made anew shows."""
    with psycopg.connect(url) as connection:
        found = _read(connection, _OBJECTS | _CONTENT)
    if not identity:
        found["triggers"] = [trigger[1:] for trigger in found["triggers"]]
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


def read_objects(url: str) -> Mapping[str, list[Any]]:
    """The projector's objects in a database that need not have any."""
    with psycopg.connect(url) as connection:
        return _read(connection, _OBJECTS)


def read_erp(url: str) -> Mapping[str, list[Any]]:
    """Every definition in the ERP's schema, and the files that its tables are in."""
    with psycopg.connect(url) as connection:
        return {name: sorted(rows, key=repr) for name, rows in _read(connection, _ERP).items()}


def is_untouched(url: str) -> bool:
    """Whether a database has no schema of the projector's, and no trigger with its name."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT to_regnamespace('projector') IS NULL"
            " AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgname LIKE 'projector%')"
        ).fetchone()
    return row == (True,)


def _read(connection: psycopg.Connection, queries: Mapping[str, str]) -> dict[str, list[Any]]:
    return {name: connection.execute(query.encode()).fetchall() for name, query in queries.items()}
