"""Install, upgrade and uninstall: everything in the schema `projector`, and the triggers on the ERP's tables."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psycopg

from projector import __version__
from projector.capture import Capture, functions
from projector.catalog import column_types, existing_tables, literal, quoted
from projector.cause import FIRST, INSTALL
from projector.database import Database, connect_blocking
from projector.definitions import BoundSection, package_fingerprint, plan_captures
from projector.errors import InstallError, NotInstalled
from projector.fitness import is_installed, require_fit
from projector.patience import LOCK_TIMEOUT, patiently, retry_locked
from projector.roles import grant_roles, has_roles
from projector.sections import load_documents
from projector.settings import Settings
from projector.sql import read_sql
from projector.triggers import standing_triggers, wanted_triggers
from projector.views import Verdicts, Views

_SCHEMA_FILES = (
    "schema/tables.sql",
    "schema/functions/asked.sql",
    "schema/functions/clock.sql",
    "schema/functions/json.sql",
    "schema/queue_all.sql",
    "schema/pause.sql",
    "schema/waiting_events.sql",
    "schema/heartbeat.sql",
    "schema/token.sql",
)
_OUTBOX_UPGRADES = {
    "SELECT NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'projector.outbox'::regclass"
    " AND attname = 'fault')": "ALTER TABLE projector.outbox ADD COLUMN fault text",
    "SELECT to_regclass('projector.outbox_xid') IS NULL": "CREATE INDEX outbox_xid ON projector.outbox (xid)",
}
"""Since 0.1.0, by the query that says that it is missing."""


@dataclass(slots=True)
class Report:
    """What an installation did: its statements, the tables captured, the sections to be rebuilt, and those that are
    not simply their text."""

    statements: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    sections: int = 0
    verdicts: Verdicts = field(default_factory=Verdicts)
    changed: list[str] = field(default_factory=list)


class Installer:
    """Brings one database to this package's definitions. Everything but the triggers is one transaction; each
    trigger is its own, with a short lock time-out and retries, so that it never queues behind a long ERP
    transaction with others waiting behind it."""

    def __init__(self, connection: Database, settings: Settings, *, dry_run: bool, roles: bool = False) -> None:
        self._connection = connection
        self._settings = settings
        self._schema = settings.erp_schema
        self._timezone = settings.timezone
        self._dry_run = dry_run
        self._roles = roles
        self._new_kinds: list[str] = []
        self.report = Report()

    def install(self) -> Report:
        require_fit(self._connection, self._schema, self._timezone)
        if is_installed(self._connection):
            self._upgrade_outbox()
        begun = len(self.report.statements)
        first, bound, captures = patiently(lambda: self._install_schema(begun), "The schema projector")
        late = self._install_triggers(captures)
        if not first:
            # What changed in these tables before their triggers fired is in no event.
            self._queue_sections(sorted(_readers(bound, late)))
            # Nor is what writers changed that had begun before the new functions were there.
            self._run("UPDATE projector.reconciliation SET after = pg_current_xact_id()")
        return self.report

    def _upgrade_outbox(self) -> None:
        """What an outbox of an earlier version lacks, apart from the rest: the ERP's writers wait for these locks."""
        for missing, statement in _OUTBOX_UPGRADES.items():
            row = self._connection.execute(missing).fetchone()
            if row and row[0]:
                self._run_patiently(statement, "projector.outbox")

    def _install_schema(self, begun: int) -> tuple[bool, list[BoundSection], list[Capture]]:
        """Everything but the triggers, in one transaction; says whether nothing was there before."""
        del self.report.statements[begun:]
        self.report.statements.append("BEGIN")
        with self._connection.transaction(force_rollback=self._dry_run):
            self._connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            # Two installers take turns.
            self._connection.execute("SELECT pg_advisory_xact_lock(hashtext('projector install'))")
            first = not is_installed(self._connection)
            views = self._install_definitions(first=first)
            bound = views.install()
            self.report.sections, self.report.verdicts = len(bound), views.verdicts
            captures = self._install_captures(bound)
            self._record(views)
            # In the same transaction, so that an installation that ends here is taken up by whoever builds.
            self._queue_kinds("first installation" if first else "a new kind of document")
            if not first:
                changed = self.report.changed
                self._queue_sections([name for name in changed if name.split(".", 1)[0] not in self._new_kinds])
                self._reconcile(changed)
            # Once made, the roles get what a new version brings with it: the triggers' functions run as the owner.
            if self._roles or has_roles(self._connection):
                grant_roles(self._connection, self._schema, bound, self._run)
        self.report.statements.append("COMMIT")
        return first, bound, captures

    def _install_definitions(self, *, first: bool) -> Views:
        self._run("CREATE SCHEMA IF NOT EXISTS projector")
        for file in _SCHEMA_FILES:
            self._run(read_sql(file).replace(":'timezone'", literal(self._timezone)))
        # Names of the ERP's tables resolve when a view is created, and never again.
        self._run(f"SET LOCAL search_path = {quoted(self._schema)}, pg_catalog")
        return Views(self._connection, self._settings, self._run, self.report.statements, first=first)

    def _install_captures(self, bound: list[BoundSection]) -> list[Capture]:
        captures = self._plan_captures(bound)
        for capture in captures:
            for statement in functions(capture):
                self._run(statement)
        self._run(read_sql("schema/rights.sql"))
        self._run("DELETE FROM projector.capture_fault")
        # Places of sections are those of the version that wrote them.
        self._run("UPDATE projector.outbox SET changed = NULL WHERE operation = 'B'")
        return captures

    def _plan_captures(self, bound: list[BoundSection]) -> list[Capture]:
        places: dict[str, dict[str, tuple[int, int | None]]] = defaultdict(dict)
        for source, name, bit, slot in self._connection.execute(
            "SELECT source, name, bit, slot FROM projector.captured_column"
        ):
            places[source][name] = (bit, slot)
        self._forget_gone(bound, places)
        tables = {table for section in bound for table in section.reads}
        types = {table: column_types(self._connection, self._schema, table) for table in tables}
        captures = plan_captures(bound, places, types)
        for capture in captures:
            for column in capture.columns:
                slot = "NULL" if column.slot is None else column.slot
                self._run(
                    "INSERT INTO projector.captured_column (source, name, bit, slot) VALUES"
                    f" ({literal(capture.table)}, {literal(column.name)}, {column.bit}, {slot})"
                    " ON CONFLICT (source, name) DO UPDATE SET slot = excluded.slot"
                )
        self.report.tables = [capture.table for capture in captures]
        return captures

    def _forget_gone(self, bound: list[BoundSection], places: dict[str, dict[str, tuple[int, int | None]]]) -> None:
        """Columns that the ERP renamed or dropped lose their places. Events that have them are older than that, so
        that a rebuild of what reads the table stands for them."""
        existing = existing_tables(self._connection, self._schema, places)
        for source in sorted(places):
            known = column_types(self._connection, self._schema, source) if source in existing else {}
            if gone := sorted(places[source].keys() - known.keys()):
                names = ", ".join(map(literal, gone))
                self._run(
                    f"DELETE FROM projector.captured_column WHERE source = {literal(source)} AND name IN ({names})"
                )
                for name in gone:
                    del places[source][name]
                self.report.changed += sorted(_readers(bound, {source}))

    def _record(self, views: Views) -> None:
        verdicts = views.verdicts
        broken = self._broken_before()
        self._run("DELETE FROM projector.section")
        for section in (section for document in load_documents() for section in document.sections):
            name = f"{section.document}.{section.name}"
            fingerprint, missing = views.fingerprint(section), verdicts.empty.get(name)
            fault = verdicts.broken.get(name) or verdicts.kept.get(name)
            values = ", ".join("NULL" if it is None else literal(it) for it in (fingerprint, missing, fault))
            self._run(
                "INSERT INTO projector.section (document, name, fingerprint, missing, fault) VALUES"
                f" ({literal(section.document)}, {literal(section.name)}, {values})"
            )
            before = views.recorded.get(name)
            if name in verdicts.broken:
                changed = name not in broken
            else:
                same = before and before.sound and (before.fingerprint, before.missing) == (fingerprint, missing)
                changed = name in broken or not same
            # Documents of a section that has just been left out are published once more, so that they say so.
            if views.recorded and changed:
                self.report.changed.append(name)
        self.report.changed = sorted(set(self.report.changed))
        known = {name.split(".", 1)[0] for name in views.recorded}
        self._new_kinds = [document.name for document in load_documents() if document.name not in known]
        self._record_letters(verdicts)
        self._run(
            "INSERT INTO projector.installation (version, fingerprint, timezone, erp_schema) VALUES"
            f" ({literal(__version__)}, {literal(package_fingerprint())}, {literal(self._timezone)},"
            f" {literal(self._schema)}) ON CONFLICT (singleton) DO UPDATE SET version = excluded.version,"
            " fingerprint = excluded.fingerprint, timezone = excluded.timezone, erp_schema = excluded.erp_schema,"
            " installed_at = excluded.installed_at"
        )

    def _broken_before(self) -> set[str]:
        query = "SELECT document || '.' || section FROM projector.dead_letter WHERE id IS NULL"
        return {name for (name,) in self._connection.execute(query)}

    def _record_letters(self, verdicts: Verdicts) -> None:
        """A letter for each section that is broken as a whole, and none for sections that are not, or not any more."""
        self._run(
            "DELETE FROM projector.dead_letter d WHERE d.id IS NULL OR NOT EXISTS ("
            "SELECT FROM projector.section s WHERE s.document = d.document AND s.name = d.section)"
        )
        for name, error in verdicts.broken.items():
            document, section = name.split(".", 1)
            self._run(
                "INSERT INTO projector.dead_letter (document, section, error, retry_at) VALUES"
                f" ({literal(document)}, {literal(section)}, {literal(error)}, clock_timestamp())"
            )

    def _install_triggers(self, captures: list[Capture]) -> set[str]:
        """Creates and enables what is missing, a table at a time, and drops what is not wanted; returns the tables of
        which something was not captured."""
        wanted = wanted_triggers(self._connection, self._schema, [capture.table for capture in captures])
        standing = standing_triggers(self._connection)
        repairs: dict[str, list[str]] = defaultdict(list)
        late = set()
        for trigger in wanted:
            state = standing.get(trigger.place)
            repairs[trigger.place.table] += trigger.mend(state)
            if not trigger.is_met_by(state):
                late.add(trigger.source)
        for place in sorted(standing.keys() - {trigger.place for trigger in wanted}):
            repairs[place.table].append(place.drop())
        for table, statements in sorted(repairs.items()):
            if statements:
                self._run_patiently("; ".join(statements), table)
        return late

    def _queue_kinds(self, reason: str) -> None:
        """Whole kinds of which nothing was installed before; the read API waits for them until they are built."""
        for name in self._new_kinds:
            self._run(
                "INSERT INTO projector.rebuild (document, reason)"
                f" VALUES ({literal(name)}, {literal(reason)}) ON CONFLICT DO NOTHING"
            )
            self._run(f"SELECT projector.queue_all({literal(name)}, '*', {literal(FIRST)})")

    def _queue_sections(self, sections: Sequence[str]) -> None:
        """What is defined or captured anew."""
        for document, section in (name.split(".", 1) for name in sections):
            self._run(f"SELECT projector.queue_all({literal(document)}, {literal(section)}, {literal(INSTALL)})")

    def _reconcile(self, sections: Sequence[str]) -> None:
        """Asks for these sections once more, for when all present transactions have ended."""
        for document, section in (name.split(".", 1) for name in sections):
            self._run(
                f"INSERT INTO projector.reconciliation (document, section) VALUES ({literal(document)},"
                f" {literal(section)}) ON CONFLICT (document, section) DO UPDATE SET after = excluded.after"
            )

    def _run(self, statement: str) -> None:
        self.report.statements.append(statement)
        if not (self._dry_run and not self._in_transaction()):
            self._connection.execute(statement)

    def _in_transaction(self) -> bool:
        return self._connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS

    def _run_patiently(self, statement: str, table: str) -> None:
        self.report.statements.append(statement)
        if not self._dry_run:
            retry_locked(self._connection, statement, table)


def install(settings: Settings, *, dry_run: bool = False, roles: bool = False) -> Report:
    """Creates or upgrades the installation, with `roles` those for owner and worker too; with `dry_run` says what it
    would run and changes nothing."""
    with connect_blocking(settings, "install") as connection:
        try:
            return Installer(connection, settings, dry_run=dry_run, roles=roles).install()
        except psycopg.errors.InsufficientPrivilege as error:
            raise InstallError(
                f"The role lacks a right: {error.diag.message_primary}. Install as the owner of the ERP's tables."
            ) from error


def uninstall(settings: Settings, tell: Callable[[str], None] = lambda _: None) -> None:
    """Removes the triggers and the schema `projector`; NotInstalled where there is none."""
    with connect_blocking(settings, "uninstall") as connection:
        row = connection.execute("SELECT to_regnamespace('projector') IS NOT NULL").fetchone()
        if row is None or not row[0]:
            raise NotInstalled("There is no projector in this database. Nothing was changed.")
        for place in sorted(standing_triggers(connection)):
            retry_locked(connection, place.drop(), place.table)
            tell(f"dropped trigger {place.name} on {place.schema}.{place.relation}")
        connection.execute("DROP SCHEMA projector CASCADE")
        tell("dropped schema projector")


def _readers(bound: list[BoundSection], tables: set[str]) -> set[str]:
    """The sections that read one of these tables."""
    return {f"{it.section.document}.{it.section.name}" for it in bound if tables & it.reads.keys()}
