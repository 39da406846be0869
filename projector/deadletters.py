"""Dead letters: sections that could not be built, kept with the error and retried with growing pauses (D10)."""

import logging
from collections import defaultdict
from collections.abc import Sequence

from projector.backlog import queue_documents, queue_fanouts
from projector.cause import RETRY
from projector.database import AsyncDatabase, Savepoint, array_literal
from projector.definitions import document_named
from projector.reading import section_query
from projector.sql import read_query
from projector.work import Built, Fanout, Letters, Place

log = logging.getLogger(__name__)


class DeadLetters:
    """The letters of this installation. What a process remembers of them is as old as the last refresh, and only
    decides how something is tried; what counts is the table."""

    def __init__(self) -> None:
        self.letters = Letters()
        self._seen: tuple[object, ...] | None = None

    async def run_once(self, connection: AsyncDatabase) -> None:
        """Sees what others wrote, and puts back what is due."""
        await self.mend(connection)
        await connection.execute(read_query("queue_dead_letters"))
        await self.refresh(connection)

    async def refresh(self, connection: AsyncDatabase) -> None:
        """Reads the letters where there are others than at the last time."""
        cursor = await connection.execute("SELECT count(*), max(failed_at)::text FROM projector.dead_letter")
        if (seen := await cursor.fetchone()) == self._seen:
            return
        cursor = await connection.execute("SELECT document, section, id, error FROM projector.dead_letter")
        sections: dict[Place, str] = {}
        documents: dict[Place, set[int]] = defaultdict(set)
        for document, section, id_, error in await cursor.fetchall():
            if id_ is None:
                sections[document, section] = error
            else:
                documents[document, section].add(id_)
        self.letters.sections, self.letters.documents = sections, dict(documents)
        self._seen = seen

    async def declare(self, connection: AsyncDatabase, broken: dict[Place, str]) -> None:
        """Writes that these sections are broken as a whole."""
        for (document, section), error in sorted(broken.items()):
            log.warning("a section is broken and left out until it works again; see projector check",
                        extra={"document": document, "section": section, "error": error})  # fmt: skip
            await connection.execute(read_query("record_broken_section"), (document, section, error))

    async def queue_mended(self, connection: AsyncDatabase, built: Built) -> None:
        """Queues documents of which a section was left out though its letter is gone by now.

        Whoever removes the letter queues all documents afterwards, so that a batch acknowledged before is covered.
        The lock makes it wait for such a batch; where it came first the row is skipped here, and never waited for:
        we hold claims that others may wait for.
        """
        for (document, section), ids in sorted(built.left_out.items()):
            if (document, section) in built.broken:
                continue
            cursor = await connection.execute(
                "SELECT FROM projector.dead_letter WHERE document = $1 AND section = $2 AND id IS NULL"
                " FOR KEY SHARE SKIP LOCKED",
                (document, section),
            )
            if await cursor.fetchone() is None:
                await queue_documents(connection, document, section, ids, RETRY)

    async def record(self, connection: AsyncDatabase, built: Built) -> None:
        """Writes a batch's failures and removes the letters of what it built, in the claim's transaction. In one
        order: two lanes that write the same letters must not wait for each other."""
        await self.declare(connection, built.broken)
        for failure in sorted(built.failures, key=lambda it: (it.document, it.section, it.id)):
            log.warning(
                "section cannot be built; its last good bytes stay",
                extra={"document": failure.document, "id": failure.id, "section": failure.section,
                       "error": failure.error},
            )  # fmt: skip
            touches = built.retried.get((failure.document, failure.section), {}).get(failure.id)
            await connection.execute(
                read_query("record_dead_letter"),
                (failure.document, failure.id, failure.section, failure.error, touches),
            )
            self.letters.documents.setdefault((failure.document, failure.section), set()).add(failure.id)
        await self._remove_built(connection, built)

    async def _remove_built(self, connection: AsyncDatabase, built: Built) -> None:
        failed = {(failure.document, failure.section, failure.id) for failure in built.failures}
        for (document, section), ids in sorted(built.retried.items()):
            if (document, section) in built.left_out:
                continue
            done = {id_: touches for id_, touches in ids.items() if (document, section, id_) not in failed}
            await connection.execute(
                read_query("remove_dead_letters"),
                (document, section, array_literal(done), array_literal(done.values())),
            )

    async def touch(self, connection: AsyncDatabase, touched: dict[Place, Sequence[int]]) -> None:
        """Makes letters due, which the backlog tries. Queueing the documents instead would wait for a builder that is
        trying one of them, and one that takes long. Where a letter has just gone the document is queued."""
        for (document, section), ids in sorted(touched.items()):
            cursor = await connection.execute(read_query("touch_dead_letters"), (document, section, array_literal(ids)))
            known = {id_ for (id_,) in await cursor.fetchall()}
            await queue_documents(connection, document, section, set(ids) - known, RETRY)

    async def mend(self, connection: AsyncDatabase) -> None:
        """Tries the sections that are broken as a whole; one that works again is rebuilt for all documents."""
        cursor = await connection.execute(read_query("due_sections"))
        for document, section in await cursor.fetchall():
            async with connection.transaction():
                if (error := await _fault(connection, document, section)) is None:
                    await self._put_back(connection, document, section)
                else:
                    await connection.execute(read_query("record_broken_section"), (document, section, error))

    async def _put_back(self, connection: AsyncDatabase, document: str, section: str) -> None:
        cursor = await connection.execute(
            "DELETE FROM projector.dead_letter WHERE document = $1 AND section = $2 AND id IS NULL RETURNING true",
            (document, section),
        )
        if await cursor.fetchone() is not None:
            log.info("a broken section works again, it is rebuilt", extra={"document": document, "section": section})
            await queue_fanouts(connection, [Fanout(document, section, cause=RETRY)])


async def _fault(connection: AsyncDatabase, document: str, section: str) -> str | None:
    """Why a section cannot be read even for no document; None where it can, or is none of this program's."""
    kind = document_named(document)
    found = next((it for it in kind.sections if it.name == section), None)
    if found is None:
        return None
    # Asked first, so that a view that is gone for days does not fill the server's log.
    cursor = await connection.execute("SELECT to_regclass($1) IS NULL", (f'projector."{found.view}"',))
    if await cursor.fetchone() == (True,):
        return f'view projector."{found.view}" does not exist'
    async with Savepoint(connection) as savepoint:
        await connection.execute(f"{section_query(kind, found)} WHERE id = ANY ('{{}}'::bigint[])")
    return savepoint.reason
