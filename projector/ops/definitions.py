"""The sections as the status page shows them: what they read, where their routes start, what is installed."""

from typing import Any

from projector.catalog import view_reads
from projector.database import Database, connect_blocking
from projector.definitions import section_fingerprint
from projector.installed import read_installation
from projector.sections import Section, load_documents
from projector.settings import Settings
from projector.tally import SectionTotals, Tally


def describe_sections(settings: Settings, tally: Tally) -> list[dict[str, Any]]:
    """All kinds of document with their sections."""
    with connect_blocking(settings, "status page") as connection:
        timezone = read_installation(connection).timezone
        rows = connection.execute("SELECT document, name, fingerprint, missing, fault FROM projector.section")
        installed = {(document, name): tuple(rest) for document, name, *rest in rows}
        totals = dict(tally.sections)
        return [
            {
                "document": document.name,
                "sections": [
                    {
                        **_describe(connection, section, timezone, installed.get((document.name, section.name))),
                        **_timing(totals.get((document.name, section.name), SectionTotals())),
                    }
                    for section in document.sections
                ],
            }
            for document in load_documents()
        ]


def _describe(
    connection: Database, section: Section, timezone: str, installed: tuple[str | None, ...] | None
) -> dict[str, Any]:
    fingerprint, missing, fault = installed or (None, None, "it is not installed")
    reads = view_reads(connection, section.view) or {}
    return {
        "name": section.name,
        "summary": section.summary,
        "sources": {table: sorted(columns) for table, columns in sorted(reads.items())},
        "routes": [{"from": str(route), "query": route.query} for route in section.routes],
        "fingerprint": section_fingerprint(section, timezone),
        "installed": fingerprint,
        "clock": section.reads_clock,
        "missing": missing,
        "fault": fault,
    }


def _timing(totals: SectionTotals) -> dict[str, Any]:
    """What this worker built, and the mean of the batches that were timed, in milliseconds a document."""
    return {
        "built": totals.built,
        "milliseconds": round(totals.seconds / totals.timed * 1000, 3) if totals.timed else None,
    }
