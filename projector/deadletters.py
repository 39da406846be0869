"""Dead letters: sections that could not be built, kept with the error and retried with growing pauses (D10)."""

import logging

from projector.backlog import queue_documents
from projector.database import AsyncDatabase
from projector.names import RANGES, document_key
from projector.sql import read_query
from projector.work import Built

log = logging.getLogger(__name__)


class DeadLetters:
    """The letters of this installation, remembered as of the last refresh so that a healthy batch costs nothing."""

    def __init__(self) -> None:
        self._known: set[tuple[str, int, str]] = set()

    async def refresh(self, connection: AsyncDatabase) -> None:
        cursor = await connection.execute("SELECT document, id, section FROM projector.dead_letter")
        self._known = {(document, id_, section) async for document, id_, section in cursor}

    async def record(self, connection: AsyncDatabase, built: Built) -> None:
        """Writes a batch's failures and removes the letters of what it built, in the claim's transaction."""
        query = read_query("record_dead_letter")
        for failure in built.failures:
            log.warning(
                "section cannot be built; its last good bytes stay",
                extra={"document": failure.document, "id": failure.id, "section": failure.section,
                       "error": failure.error},
            )  # fmt: skip
            await connection.execute(query, (failure.document, failure.id, failure.section, failure.error))
            self._known.add((failure.document, failure.id, failure.section))
        failed = {(failure.document, failure.id, failure.section) for failure in built.failures}
        for letter in [letter for letter in self._known - failed if _is_built(letter, built)]:
            await connection.execute(
                "DELETE FROM projector.dead_letter WHERE document = $1 AND id = $2 AND section = $3",
                letter,
            )
            self._known.discard(letter)

    async def queue_due(self, connection: AsyncDatabase) -> int:
        """Puts the letters whose pause is over back into the backlog; returns how many."""
        async with connection.transaction():
            cursor = await connection.execute(
                "UPDATE projector.dead_letter SET retry_at = clock_timestamp() + interval '1 hour'"
                " WHERE retry_at <= clock_timestamp() RETURNING document, id, section"
            )
            letters = await cursor.fetchall()
            for document, id_, section in letters:
                await queue_documents(connection, document, section, [id_])
        return len(letters)


def _is_built(letter: tuple[str, int, str], built: Built) -> bool:
    document, id_, section = letter
    key = document_key(document, id_, RANGES[0] if document == "dashboard" else None)
    return key in built.deleted or section.encode() in built.sections.get(key, [])[::2]
