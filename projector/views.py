"""Views: each section's text as a view in the ERP's database, and what stands in for one that does not fit."""

from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg

from projector.catalog import existing_tables, literal, quoted, view_reads
from projector.database import Database, reason_of
from projector.definitions import BoundSection, require_routes, section_fingerprint
from projector.errors import InstallError
from projector.names import RANGES
from projector.routes import route_fault
from projector.sections import OPTIONAL_TABLES, Document, Section, Shared, load_documents, load_shared
from projector.settings import Settings

_OTHER_COLUMN_TYPES = psycopg.errors.InvalidTableDefinition
_ERP_DIFFERS = (
    psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedObject, psycopg.errors.AmbiguousColumn, psycopg.errors.AmbiguousFunction,
    psycopg.errors.DatatypeMismatch, psycopg.errors.CannotCoerce, psycopg.errors.WrongObjectType,
    psycopg.errors.InvalidTextRepresentation, _OTHER_COLUMN_TYPES,
)  # fmt: skip
"""What a sound text meets in an ERP that it was not written for. Any other error is the text's own."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What an earlier installation recorded of a section, and whether its view is still there and can be read."""

    fingerprint: str
    missing: str | None
    fault: str | None
    sound: bool


@dataclass(slots=True)
class Verdicts:
    """Sections by `document.name` that are not simply their text, and why."""

    empty: dict[str, str] = field(default_factory=dict)
    """The optional table that the ERP lacks."""
    kept: dict[str, str] = field(default_factory=dict)
    """Why the text does not fit; the view of an earlier installation goes on."""
    broken: dict[str, str] = field(default_factory=dict)
    """The same where no such view can go on."""
    routes: dict[str, str] = field(default_factory=dict)
    """Routes that cannot be followed, by section and route: every change there rebuilds all documents."""


class Views:
    """Creates the views within the installation's transaction. The first time a text that does not fit means another
    database than the ERP's, later an ERP that was upgraded, for which everything else has to go on."""

    def __init__(
        self,
        connection: Database,
        settings: Settings,
        run: Callable[[str], None],
        statements: list[str],
        *,
        first: bool,
    ) -> None:
        self._connection = connection
        self._schema = settings.erp_schema
        self._timezone = settings.timezone
        self._run = run
        self._statements = statements
        self._first = first
        self._misfits: dict[Shared, psycopg.Error] = {}
        self.recorded = self._read_recorded()
        self.verdicts = Verdicts()

    def install(self) -> list[BoundSection]:
        """Returns the sections that can be built."""
        for shared in load_shared():
            self._install_shared(shared)
        bound = [section for document in load_documents() for section in self._install_document(document)]
        self._drop_stale()
        return bound

    def fingerprint(self, section: Section) -> str:
        return section_fingerprint(section, self._timezone)

    def _read_recorded(self) -> dict[str, Recorded]:
        rows = self._connection.execute("SELECT document, name, fingerprint, missing, fault FROM projector.section")
        return {
            f"{document}.{name}": Recorded(fingerprint, missing, fault, self._is_sound(f"{document}_{name}"))
            for document, name, fingerprint, missing, fault in rows.fetchall()
        }

    def _is_sound(self, view: str) -> bool:
        try:
            with self._connection.transaction():
                self._connection.execute(f"SELECT FROM projector.{quoted(view)} LIMIT 0")
        except psycopg.ProgrammingError:
            return False
        return True

    def _install_shared(self, shared: Shared) -> None:
        """Where the text does not fit, those of the sections that read it do not fit either: they go on as they are, if
        the earlier view does."""
        error = self._create(shared.view, None, shared.query)
        if error is not None:
            self._misfits[shared] = error
            if not self._is_sound(shared.view):
                self._run(f"DROP VIEW IF EXISTS projector.{quoted(shared.view)} CASCADE")

    def _install_document(self, document: Document) -> list[BoundSection]:
        error = self._create(document.name, "id", document.ids_query)
        if error is not None:
            if self._first:
                raise _refusal(f"The list of {document.name} documents", error)
            if not self._is_sound(document.name):
                self._run(f"DROP VIEW IF EXISTS projector.{quoted(document.name)} CASCADE")
                for section in document.sections:
                    self._give_up(section, error)
                return []
        found = (self._install_section(document, section) for section in document.sections)
        return [bound for bound in found if bound is not None]

    def _install_section(self, document: Document, section: Section) -> BoundSection | None:
        missing = self._missing_optional_table(section)
        query = section.query if missing is None else _empty_query(document, section)
        columns = "id, range, value, valid_until" if document.by_range else "id, value, valid_until"
        error = self._misfit(section) if missing is None else None
        error = error or self._create(section.view, columns, query)
        if error is None:
            return self._bind(section, missing)
        if self._first:
            raise _refusal(f"Section {_name(section)}", error)
        if (kept := self._keep(section, error)) is None:
            self._give_up(section, error)
        return kept

    def _misfit(self, section: Section) -> psycopg.Error | None:
        return next((self._misfits[shared] for shared in section.shared if shared in self._misfits), None)

    def _bind(self, section: Section, missing: str | None) -> BoundSection:
        bound = BoundSection(section, view_reads(self._connection, section.view) or {})
        if missing is None:
            require_routes(bound)
            self._try_routes(section)
        else:
            self.verdicts.empty[_name(section)] = missing
        return bound

    def _try_routes(self, section: Section) -> None:
        for route in section.routes:
            if (fault := route_fault(self._connection, self._schema, route)) is None:
                continue
            if self._first:
                raise InstallError(
                    f"Section {_name(section)} has a route from {route} that this ERP does not allow: {fault}."
                    " This ERP differs from the one that the section was written for."
                )
            self.verdicts.routes[f"{_name(section)} from {route}"] = fault

    def _keep(self, section: Section, error: psycopg.Error) -> BoundSection | None:
        """The view that an earlier installation made of the same text: PostgreSQL lets it follow renamed columns and
        tables, and says what they are called now."""
        recorded = self.recorded.get(_name(section))
        if recorded is None or recorded.fingerprint != self.fingerprint(section) or not self._is_sound(section.view):
            return None
        reads = view_reads(self._connection, section.view) or {}
        if not reads or reads.keys() - existing_tables(self._connection, self._schema, reads):
            return None
        self.verdicts.kept[_name(section)] = reason_of(error)
        self._try_routes(section)
        return BoundSection(section, reads)

    def _give_up(self, section: Section, error: psycopg.Error) -> None:
        self.verdicts.broken[_name(section)] = reason_of(error)
        self._run(f"DROP VIEW IF EXISTS projector.{quoted(section.view)} CASCADE")

    def _create(self, view: str, columns: str | None, query: str) -> psycopg.Error | None:
        """Creates or replaces a view; returns the error where the text does not fit this ERP."""
        named = f" ({columns})" if columns else ""
        statement = f"CREATE OR REPLACE VIEW projector.{quoted(view)}{named} AS\n{query}"
        error = self._attempt(statement)
        if isinstance(error, _OTHER_COLUMN_TYPES):
            error = self._attempt(f"DROP VIEW projector.{quoted(view)} CASCADE", statement)
        return error

    def _attempt(self, *statements: str) -> psycopg.Error | None:
        before = len(self._statements)
        try:
            with self._connection.transaction():
                for statement in statements:
                    self._run(statement)
        except _ERP_DIFFERS as error:
            del self._statements[before:]
            return error
        return None

    def _missing_optional_table(self, section: Section) -> str | None:
        wanted = {route.table for route in section.routes} & OPTIONAL_TABLES
        absent = wanted - existing_tables(self._connection, self._schema, wanted)
        return min(absent) if absent and section.empty is not None else None

    def _drop_stale(self) -> None:
        """Views of sections that this package does not have."""
        documents = load_documents()
        ours = {section.view for document in documents for section in document.sections} | {it.name for it in documents}
        ours |= {shared.view for shared in load_shared()}
        views = "SELECT relname::text FROM pg_class WHERE relkind = 'v' AND relnamespace = 'projector'::regnamespace"
        for (view,) in self._connection.execute(views).fetchall():
            if view not in ours:
                self._run(f"DROP VIEW projector.{quoted(view)} CASCADE")


def _name(section: Section) -> str:
    return f"{section.document}.{section.name}"


def _refusal(what: str, error: psycopg.Error) -> InstallError:
    return InstallError(
        f"{what} cannot be installed: {error.diag.message_primary}."
        " This ERP differs from the one that the section was written for."
    )


def _empty_query(document: Document, section: Section) -> str:
    columns = "d.id, r.range" if document.by_range else "d.id"
    values = ", ".join(f"({literal(name)})" for name in RANGES)
    ranges = f" CROSS JOIN (VALUES {values}) AS r (range)" if document.by_range else ""
    return (
        f"SELECT {columns}, {literal(section.empty or '')}::json, NULL::timestamptz"
        f" FROM projector.{quoted(document.name)} d{ranges}"
    )
