"""What an operator does with dead letters: look at them, have them tried now, drop them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from projector.database import Database, connect_blocking
from projector.installed import read_installation
from projector.settings import Settings
from projector.sql import read_query
from projector.wakeup import LISTENER_NAME


@dataclass(frozen=True, slots=True)
class Letter:
    """A section of one document that could not be built; without id, a section that is broken as a whole."""

    document: str
    id: int | None
    section: str
    error: str
    attempts: int
    failed_at: datetime
    retry_at: datetime | None
    """None where only the next installation can mend it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters are meant; what is not named does not matter."""

    documents: Sequence[str]
    ids: Sequence[int] = ()
    section: str | None = None

    @property
    def values(self) -> tuple[list[str], list[int] | None, str | None]:
        return list(self.documents), list(self.ids) or None, self.section


@dataclass(frozen=True, slots=True)
class Due:
    """What a retry did: how many letters are due, how many workers run that will try them, and the sections that
    `install` left out, which no trying mends."""

    letters: int
    workers: int
    left_out: tuple[str, ...]


def list_letters(settings: Settings, choice: Choice) -> list[Letter]:
    """By document, section and id; sections that are broken as a whole first."""
    with _connect(settings) as connection:
        return [Letter(*row) for row in connection.execute(read_query("list_dead_letters"), choice.values)]


def retry_letters(settings: Settings, choice: Choice) -> Due:
    """Makes letters due now."""
    with _connect(settings) as connection:
        letters = connection.execute(read_query("retry_dead_letters"), choice.values).rowcount
        left_out = connection.execute(
            "SELECT document || '.' || name FROM projector.section WHERE fault IS NOT NULL"
            " AND EXISTS (SELECT FROM projector.dead_letter d WHERE d.document = section.document"
            " AND d.section = section.name AND d.id IS NULL) AND document = ANY ($1::text[])"
            " AND ($2::text IS NULL OR name = $2) ORDER BY 1",
            (list(choice.documents), choice.section),
        )
        return Due(letters, _workers(connection), tuple(name for (name,) in left_out))


def discard_letters(settings: Settings, choice: Choice) -> int:
    """Drops letters; returns how many. Their documents stay as they are."""
    with _connect(settings) as connection:
        return connection.execute(read_query("discard_dead_letters"), choice.values).rowcount


def _connect(settings: Settings) -> Database:
    connection = connect_blocking(settings, "dead letters")
    read_installation(connection)
    return connection


def _workers(connection: Database) -> int:
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()",
        (LISTENER_NAME,),
    ).fetchone()
    return int(row[0]) if row else 0
