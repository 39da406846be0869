"""The central property: whatever the ERP commits, every document then equals a fresh and independent computation."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from projector.demo.erp import create_schema
from projector.demo.processes import Command
from projector.faults.mutations import Mutator, interleave, seed_rows
from projector.install import install
from projector.oracle import keys, load
from projector.settings import Settings
from tests.forked import ForkedCommand
from tests.properties.judgement import judge


@pytest.fixture
def nasty_url(database_url: str) -> str:
    """A small ERP in which nearly every column holds something nasty somewhere; projector is installed."""
    with psycopg.connect(database_url) as connection:
        create_schema(connection)
        connection.commit()
        seed_rows(connection, 7)
    install(Settings(database_url=database_url))
    return database_url


@pytest.fixture
def start_nasty(tmp_path: Path, nasty_url: str, redis_url: str) -> Iterator:
    commands: list[Command] = []

    def start_command(*arguments: str) -> Command:
        environment = {"PROJECTOR_DATABASE_URL": nasty_url, "PROJECTOR_REDIS_URL": redis_url}
        commands.append(ForkedCommand(arguments, environment, tmp_path / f"{len(commands)}.log"))
        return commands[-1]

    yield start_command
    for command in commands:
        command.stop()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("workers", [1, 3])
def test_documents_equal_an_independent_computation_after_random_transactions(
    nasty_url: str, start_nasty, workers: int
) -> None:
    """Four connections interleave random transactions of every kind on every table while workers publish."""
    for _ in range(workers):
        start_nasty("run").wait_for(r"\bready\b")
    api = start_nasty("serve", "--port", "0")
    address = api.wait_for(r"Listening on (http://\S+)")[1]
    with psycopg.connect(nasty_url, autocommit=True) as observer:
        judge(observer, address, brief=False)
        seen = set(keys(load(observer)))
        for round_ in range(2):
            connections = [psycopg.connect(nasty_url) for _ in range(4)]
            assert len(list(interleave(connections, seed=100 * workers + round_, transactions=60))) == 60
            for connection in connections:
                connection.close()
            judge(observer, address, gone=seen, brief=False)
            seen |= set(keys(load(observer)))
        judge(observer, address, brief=False, flags=True)
    assert "Traceback" not in api.output()


def test_documents_follow_each_single_transaction(nasty_url: str, start_nasty) -> None:
    """With one change at a time nothing hides behind another change's rebuild."""
    start_nasty("run").wait_for(r"\bready\b")
    api = start_nasty("serve", "--port", "0")
    address = api.wait_for(r"Listening on (http://\S+)")[1]
    with psycopg.connect(nasty_url, autocommit=True) as observer, psycopg.connect(nasty_url) as erp:
        mutator = Mutator(11)
        for _ in range(12):
            done = mutator.transaction(erp)
            try:
                judge(observer, address, brief=False)
            except AssertionError as error:
                raise AssertionError(f"after {done}") from error
