"""Claims: rows taken out of a queue by a transaction that stays open until their documents are published. If it never
commits they are back in the queue."""

from typing import Any

from projector.database import AsyncDatabase
from projector.sql import read_query


async def prepare_claim(connection: AsyncDatabase, name: str, types: str) -> None:
    """Prepares a claiming query of sql/queries; once for each connection, before the first claim.

    An acknowledgement need not wait for the disk: if a crash of the server loses it, the claim is back in the queue
    and its documents are built once more.
    """
    await connection.execute("SELECT set_config('synchronous_commit', 'off', false)")
    await connection.execute(f"PREPARE {name} ({types}) AS {read_query(name)}")


async def begin_claim(connection: AsyncDatabase, execute: str) -> list[tuple[Any, ...]]:
    """Begins a transaction and claims in it, in one round trip; where there is nothing, none is left open."""
    cursor = await connection.execute(f"BEGIN; {execute}")
    cursor.nextset()
    rows = await cursor.fetchall()
    if not rows:
        await connection.execute("ROLLBACK")
    return rows
