"""A server whose settings take a restart."""

import getpass
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from projector.demo.servers import embedded_postgresql, pg_ctl
from tests.conftest import Postgres

SETTINGS = ("wal_level = logical", "max_prepared_transactions = 5")


@pytest.fixture(scope="session")
def other_server() -> Iterator[Postgres]:
    """A PostgreSQL of its own that replicates logically and prepares transactions."""
    with embedded_postgresql() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            for setting in SETTINGS:
                connection.execute(f"ALTER SYSTEM SET {setting}")
            row = connection.execute("SHOW data_directory").fetchone()
        folder = Path(row[0]) if row else Path()
        owner = folder.owner()
        user = None if owner == getpass.getuser() else owner
        pg_ctl(["-w", "-m", "fast", "restart"], pgdata=folder, user=user)
        yield Postgres(url)
