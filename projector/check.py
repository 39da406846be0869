"""Check: is this installation sound? Coverage, indexes, rights, and how Redis is configured."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from projector.catalog import view_reads
from projector.database import Database, connect_blocking
from projector.definitions import package_fingerprint
from projector.findings import Finding, Level
from projector.indexes import MissingIndex, missing_indexes
from projector.installed import Installation, read_installation
from projector.redis_soundness import check_redis
from projector.sections import load_documents
from projector.settings import Settings
from projector.soundness import check_sections
from projector.surroundings import check_surroundings
from projector.triggers import standing_triggers, wanted_triggers

_TRIGGER_FAULTS = {
    "D": "is disabled",
    "R": "is disabled in ordinary sessions",
    "O": "is disabled in sessions of replication and restore tools",
    "A": "fires in ordinary sessions, where others do",
}
"""By the sessions in which it fires, where these are not the right ones."""


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, and the statements that create what is missing."""

    findings: tuple[Finding, ...]
    indexes: tuple[MissingIndex, ...]

    @property
    def sound(self) -> bool:
        return all(finding.level is not Level.ERROR for finding in self.findings)


def check(settings: Settings) -> Report:
    """Looks at both servers; an unreachable Redis is a finding, an unreachable database an error."""
    with connect_blocking(settings, "check", quick=True) as connection:
        installation = read_installation(connection)
        findings = [
            *_check_definitions(connection, installation, settings),
            *_check_triggers(connection, installation.erp_schema),
            *check_sections(connection, installation.erp_schema),
        ]
        indexes, index_findings = _check_indexes(connection, installation.erp_schema)
        findings += [*index_findings, *check_surroundings(connection, settings)]
    findings += asyncio.run(check_redis(settings))
    return Report(tuple(findings), tuple(indexes))


def _check_definitions(connection: Database, installation: Installation, settings: Settings) -> Iterator[Finding]:
    if installation.fingerprint != package_fingerprint():
        yield Finding(Level.ERROR, "definitions", "the database has another version's. Run: projector install")
    elif installation.timezone != settings.timezone:
        yield Finding(
            Level.ERROR,
            "time zone",
            f"installed with {installation.timezone}, PROJECTOR_TIMEZONE says {settings.timezone}."
            " Correct the setting or run: projector install",
        )
    else:
        yield Finding(Level.OK, "definitions", f"installed as this program has them ({installation.fingerprint})")
    query = "SELECT document || '.' || name, missing FROM projector.section WHERE missing IS NOT NULL"
    for name, table in connection.execute(query):
        yield Finding(
            Level.WARNING,
            name,
            f"is always empty, because the ERP has no table {table}. When it has one, run: projector install",
        )


def _check_triggers(connection: Database, schema: str) -> Iterator[Finding]:
    """Every captured table, and every partition and child of one, has all its triggers, and they fire."""
    wanted = wanted_triggers(connection, schema, _tables_read(connection))
    standing = standing_triggers(connection)
    broken = [trigger for trigger in wanted if not trigger.fires(standing.get(trigger.place))]
    for trigger in broken:
        found = standing.get(trigger.place)
        what = "is missing" if found is None else _TRIGGER_FAULTS[found.firing]
        yield Finding(
            Level.ERROR,
            f"trigger {trigger.place.name} on {trigger.place.schema}.{trigger.place.relation}",
            f"{what}: changes are not noticed. Run: projector install, then: projector verify --repair",
        )
    if not broken:
        relations = {(trigger.place.schema, trigger.place.relation) for trigger in wanted}
        yield Finding(Level.OK, "capture", f"triggers on {len(relations)} tables fire")


def _tables_read(connection: Database) -> set[str]:
    """The tables that the installed views read; a view that is gone is told of elsewhere."""
    sections = [section for document in load_documents() for section in document.sections]
    return {table for section in sections for table in view_reads(connection, section.view) or {}}


def _check_indexes(connection: Database, schema: str) -> tuple[list[MissingIndex], list[Finding]]:
    try:
        missing = missing_indexes(connection, schema)
    except psycopg.errors.InsufficientPrivilege:
        message = "this role may not create temporary tables, so they were not compared. Run as the owner"
        return [], [Finding(Level.WARNING, "indexes", message)]
    if missing:
        message = f"{len(missing)} are missing; without them a rebuild reads whole tables. Run the statements below"
        return missing, [Finding(Level.WARNING, "indexes", message)]
    return [], [Finding(Level.OK, "indexes", "all that the sections need are there")]
