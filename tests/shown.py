"""Waiting until Redis shows a change."""

import psycopg
import redis

from tests.waiting import wait_until


def wait_until_shown(erp: psycopg.Connection, client: redis.Redis, name: str, seconds: float) -> None:
    """Gives a product this name and waits until its document has it."""
    erp.execute("UPDATE products SET name = %s WHERE id = 1", (name,))

    def shown() -> bool:
        return name.encode() in (client.hget("bff:product:1:complete", "product") or b"")

    wait_until(shown, seconds, f"{name!r} is shown")
