"""Whether each section can be built: its view, its text, its routes, and the columns that are captured for it."""

from collections.abc import Iterator

import psycopg

from projector.catalog import quoted, view_reads
from projector.database import Database, reason_of
from projector.findings import Finding, Level
from projector.routes import route_fault
from projector.sections import Section, load_documents
from projector.sql import read_query

_ERP_CHANGED = "Undo the ERP's change, or install a version of projector that fits it; then run: projector install"


def check_sections(connection: Database, schema: str) -> Iterator[Finding]:
    """Each view can be read by this role, each table that it reads has a route, and each route can be followed."""
    sections = [section for document in load_documents() for section in document.sections]
    faults = _recorded_faults(connection)
    findings = [it for section in sections for it in _check_section(connection, section, faults.get(_name(section)))]
    findings += [*_check_routes(connection, schema, sections), *_check_captured(connection, schema)]
    if not any(finding.level is Level.ERROR for finding in findings):
        yield Finding(Level.OK, "sections", f"{len(sections)} can be read, and every table they read has a route")
    yield from findings


def _recorded_faults(connection: Database) -> dict[str, str]:
    """Why the last installation could not use a section's text; an older version's table has no such column."""
    rows = connection.execute("SELECT document || '.' || name, to_jsonb(s) ->> 'fault' FROM projector.section s")
    return {name: fault for name, fault in rows if fault}


def _check_section(connection: Database, section: Section, fault: str | None) -> Iterator[Finding]:
    subject = f"section {_name(section)}"
    reads = view_reads(connection, section.view)
    if reads is None:
        yield Finding(Level.ERROR, subject, _gone(section, fault))
        return
    if fault is not None:
        message = f"goes on with the view of an earlier installation, because its text does not fit the ERP: {fault}."
        yield Finding(Level.WARNING, subject, f"{message} {_ERP_CHANGED}")
    try:
        connection.execute(f"SELECT id, value FROM projector.{quoted(section.view)} LIMIT 0")
    except psycopg.Error as error:
        yield Finding(Level.ERROR, subject, f"{reason_of(error)}. Run: projector install")
        return
    for table in sorted(reads.keys() - {route.table for route in section.routes}):
        if fault is None:
            yield Finding(Level.ERROR, subject, f"reads {table} but has no route from it. Run: projector install")


def _gone(section: Section, fault: str | None) -> str:
    if fault is None:
        return f"its view projector.{section.view} is gone; documents keep older bytes. Run: projector install"
    return f"is left out, because its text does not fit the ERP: {fault}; documents keep older bytes. {_ERP_CHANGED}"


def _check_routes(connection: Database, schema: str, sections: list[Section]) -> Iterator[Finding]:
    """A broken route costs much and loses nothing: every change of its table rebuilds all documents."""
    broken = _left_out(connection)
    for section in sections:
        for route in section.routes:
            if _name(section) in broken or (fault := route_fault(connection, schema, route)) is None:
                continue
            message = f"cannot be followed: {fault}; every change there rebuilds all documents of its kind"
            yield Finding(Level.WARNING, f"route of {_name(section)} from {route}", f"{message}. {_ERP_CHANGED}")


def _left_out(connection: Database) -> set[str]:
    """Sections that follow no route: empty for want of a table, or without a view."""
    rows = connection.execute(
        "SELECT document || '.' || name FROM projector.section"
        " WHERE missing IS NOT NULL OR to_regclass(format('projector.%I', document || '_' || name)) IS NULL"
    )
    return {name for (name,) in rows}


def _check_captured(connection: Database, schema: str) -> Iterator[Finding]:
    for table, columns in connection.execute(read_query("gone_columns"), (quoted(schema),)):
        what = (
            f"has no column {', '.join(columns)} any more, so that changes do not say which rows they are of"
            if columns
            else "is gone or has another name since the last installation"
        )
        yield Finding(Level.WARNING, f"table {table}", f"{what}. Run: projector install")


def _name(section: Section) -> str:
    return f"{section.document}.{section.name}"
