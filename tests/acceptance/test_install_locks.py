"""Installing beside an ERP that holds its tables for long, and installing again what was cut off."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.acceptance.catalog import read_installation
from tests.acceptance.commands import Projector
from tests.acceptance.databases import CREATE_REVIEWS
from tests.conftest import Start
from tests.waiting import wait_until

LONGEST_WAIT_SECONDS = 3.0
"""The two seconds that a trigger may wait for its table, and what two busy processors add."""


class Writer:
    """An ERP user who changes one product over and over, each change a transaction."""

    def __init__(self, url: str) -> None:
        self.slowest = 0.0
        self._url = url
        self._stopping = threading.Event()

    @contextmanager
    def writing(self) -> Iterator["Writer"]:
        thread = threading.Thread(target=self._write)
        thread.start()
        try:
            yield self
        finally:
            self._stopping.set()
            thread.join()

    def _write(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._stopping.wait(0.01):
                began = time.monotonic()
                connection.execute("UPDATE products SET color = 'red' WHERE id = 2")
                self.slowest = max(self.slowest, time.monotonic() - began)


def test_a_long_erp_transaction_delays_the_installation_and_nobody_else_for_long(
    projector: Projector, start: Start, erp_url: str
) -> None:
    """Who writes to a table that is held waits behind the installation for two seconds at most, and then again
    only after others had their turn; and the installation is done when the transaction is."""
    with psycopg.connect(erp_url) as long, Writer(erp_url).writing() as writer:
        long.execute("UPDATE products SET color = 'blue' WHERE id = 1")
        installation = start("install")
        wait_until(lambda: writer.slowest > 0.5, what="a writer that waited behind the installation and went on")
        assert installation.process.poll() is None
        long.commit()
        assert installation.process.wait(30) == 0, installation.output()
    assert writer.slowest < LONGEST_WAIT_SECONDS
    assert projector("check").code == 0


def test_two_installations_that_wait_for_the_same_table_both_succeed(
    projector: Projector, start: Start, erp_url: str
) -> None:
    with psycopg.connect(erp_url) as long, psycopg.connect(erp_url, autocommit=True) as observer:
        long.execute("UPDATE branches SET code = code WHERE id = 1")
        installations = [start("install"), start("install")]
        waiting = (
            "SELECT count(*) = 2 FROM pg_locks WHERE NOT granted AND locktype = 'relation'"
            " AND relation = 'branches'::regclass AND mode = 'ShareRowExclusiveLock'"
        )
        wait_until(lambda: observer.execute(waiting).fetchone() == (True,), what="both wait for branches")
        long.commit()
        for installation in installations:
            assert installation.process.wait(30) == 0, installation.output()
    assert projector("check").code == 0


def test_what_a_killed_installation_left_undone_the_next_one_does(
    projector: Projector, start: Start, erp_url: str
) -> None:
    """The rebuild of what was newly defined among it."""
    with psycopg.connect(erp_url, autocommit=True) as connection:
        connection.execute("DROP TABLE reviews")
        projector("install")
        projector("rebuild")
        connection.execute(CREATE_REVIEWS)
        with psycopg.connect(erp_url) as long:
            long.execute("UPDATE reviews SET comment = 'held'")
            installation = start("install")
            waiting = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND relation = 'reviews'::regclass"
            wait_until(lambda: connection.execute(waiting).fetchone() == (True,), what="it waits for reviews")
            installation.process.kill()
    assert projector("install").code == 0
    queued = read_installation(erp_url)["backlog"]
    assert [(document, section) for document, _, section, _ in queued] == [
        ("product", "reviews"),
        ("product_detail", "reviews"),
    ]
