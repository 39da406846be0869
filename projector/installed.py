"""The installation as a running process finds it: definitions that match this package, or a clear refusal."""

from collections import defaultdict
from dataclasses import dataclass

from projector.capture import Capture, CapturedColumn
from projector.catalog import view_reads
from projector.database import Database, connect_blocking
from projector.definitions import BoundSection, package_fingerprint
from projector.errors import NotInstalled
from projector.resolve import Router
from projector.sections import load_documents
from projector.settings import Settings


@dataclass(frozen=True, slots=True)
class Installation:
    """What `install` recorded; `mark` changes with every run of it."""

    fingerprint: str
    timezone: str
    erp_schema: str
    mark: str


def load_router(settings: Settings) -> tuple[Router, Installation]:
    """All routes of the installed sections, also of those whose view is gone; NotInstalled where this program and the
    database do not fit."""
    with connect_blocking(settings, "definitions", quick=True) as connection:
        installation = read_installation(connection)
        _require_match(installation, settings)
        documents = load_documents()
        sections = [
            BoundSection(section, view_reads(connection, section.view) or {})
            for document in documents
            for section in document.sections
        ]
        return Router(documents, sections, _captures(connection)), installation


def read_installation(connection: Database) -> Installation:
    row = connection.execute("SELECT to_regclass('projector.installation') IS NOT NULL").fetchone()
    if row is None or not row[0]:
        raise NotInstalled("projector is not installed in this database. Run: projector install")
    query = "SELECT fingerprint, timezone, erp_schema, installed_at::text FROM projector.installation"
    found = connection.execute(query).fetchone()
    if found is None:
        raise NotInstalled("The installation in this database is incomplete. Run: projector install")
    return Installation(*found)


def _require_match(installation: Installation, settings: Settings) -> None:
    if installation.fingerprint != package_fingerprint():
        raise NotInstalled(
            f"The installed definitions ({installation.fingerprint}) are not this program's"
            f" ({package_fingerprint()}). Run: projector install"
        )
    if installation.timezone != settings.timezone:
        raise NotInstalled(
            f"The installation's time zone ({installation.timezone}) is not PROJECTOR_TIMEZONE"
            f" ({settings.timezone}). Correct the setting, or run: projector install"
        )


def _captures(connection: Database) -> list[Capture]:
    columns: dict[str, list[CapturedColumn]] = defaultdict(list)
    query = "SELECT source, name, bit, slot FROM projector.captured_column ORDER BY source, bit"
    for source, name, bit, slot in connection.execute(query):
        columns[source].append(CapturedColumn(name, bit, slot))
    return [Capture(table, tuple(captured)) for table, captured in columns.items()]
