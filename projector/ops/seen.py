"""What the status page says of the servers: the figures of `projector status`, the newest dead letters, the workers."""

import asyncio
from dataclasses import asdict
from datetime import datetime
from typing import Any

import psycopg

from projector.database import connect
from projector.errors import ProjectorError, one_line
from projector.letters import Letter
from projector.redis_server import FAILURES
from projector.settings import Settings
from projector.sql import read_query
from projector.status import read_status

LONGEST_SECONDS = 5.0
"""A server that does not answer for so long is away, as far as the page is concerned."""
LETTERS = 50
LONGEST_ERROR = 2_000


async def see(settings: Settings) -> dict[str, Any]:
    """One look, as JSON; where there is nothing to see, `error` says why."""
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            status = await read_status(settings)
            return {"status": status.as_json(), **await _read_more(settings)}
    except ProjectorError as error:
        return {"error": str(error)}
    except TimeoutError:
        return {"error": f"PostgreSQL or Redis did not answer within {LONGEST_SECONDS:.0f} s."}
    except (psycopg.Error, *FAILURES) as error:
        return {"error": f"PostgreSQL or Redis failed: {one_line(error)}"}


async def _read_more(settings: Settings) -> dict[str, Any]:
    async with await connect(settings, "status page") as connection:
        cursor = await connection.execute(read_query("newest_dead_letters"), (LETTERS, LONGEST_ERROR))
        letters = [Letter(*row) for row in await cursor.fetchall()]
        cursor = await connection.execute(read_query("list_workers"))
        workers = [{"host": host, "pid": pid, "since": since} for host, pid, since in await cursor.fetchall()]
    return {"letters": [_plain(asdict(letter)) for letter in letters], "workers": _plain(workers)}


def _plain(value: Any) -> Any:
    """With moments as text."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, dict):
        return {name: _plain(it) for name, it in value.items()}
    return [_plain(it) for it in value] if isinstance(value, list) else value
