"""The API keeps what its OpenAPI document promises: schemathesis over every operation, with every check on.

What is checked stands in schemathesis/*.toml. The commands are the real ones, over real documents.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from psycopg import Connection

from api.openapi import PAGES
from api.routes import REFRESHES
from projector.demo.processes import Command
from projector.settings import Settings
from tests.api.store import OwnStore
from tests.conftest import Start
from tests.waiting import wait_until

CONFIGURATIONS = Path(__file__).parent / "schemathesis"
PROGRAM = "from schemathesis.cli import schemathesis; schemathesis()"
OPERATIONS = len(PAGES) + len(REFRESHES) + 3
STREAMS = 1
"""Operations that are left out, because their answers do not end."""
LONGEST_RUN_SECONDS = 120


def run(configuration: str, server: Command) -> str:
    """What schemathesis says in the end; AssertionError with its report if it found anything."""
    port = server.wait_for(r"Listening on http://127\.0\.0\.1:(\d+)")[1]
    schema = f"http://127.0.0.1:{port}/openapi.json"
    options = ("--no-color", "--config-file", str(CONFIGURATIONS / f"{configuration}.toml"))
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, *options, "run", schema, "--checks", "all"],
        capture_output=True,
        text=True,
        cwd=server.log.parent,
        env=os.environ | {"SCHEMATHESIS_HOOKS": str(CONFIGURATIONS / "tokens.py")},
        timeout=LONGEST_RUN_SECONDS,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def assert_has_not_complained(command: Command) -> None:
    """Nothing in the log is a fault, a warning or a traceback, but that one of the requests was no HTTP."""
    complaints = re.findall(r".*(?:Traceback|ERROR|WARNING|error:).*", command.output())
    assert [line for line in complaints if not line.endswith("Invalid HTTP request received.")] == []
    assert command.process.poll() is None


def queued(erp: Connection) -> bool:
    found = erp.execute("SELECT EXISTS (TABLE projector.outbox) OR EXISTS (TABLE projector.backlog)").fetchone()
    return found is not None and bool(found[0])


@pytest.mark.parametrize("near_cache_mb", [0, 8])
def test_the_api_does_as_its_document_says(
    near_cache_mb: int, installed: Settings, erp: Connection, start: Start
) -> None:
    """With and without near cache, while a worker rebuilds whatever ids it is asked for."""
    start("rebuild").wait_for(r"rebuilt \d+ documents")
    worker = start("run")
    worker.wait_for("ready")
    server = start("serve", "--port", "0", PROJECTOR_NEAR_CACHE_MB=str(near_cache_mb))
    report = run("serving", server)
    assert f"Selected: {OPERATIONS}/{OPERATIONS + STREAMS}" in report
    assert f"Tested: {OPERATIONS}" in report
    assert not re.search(r"⏭  (Examples|Coverage|Fuzzing|Stateful)", report), report
    wait_until(lambda: not queued(erp), what="empty queues")
    assert erp.execute("SELECT * FROM projector.dead_letter").fetchall() == []
    assert_has_not_complained(server)
    assert_has_not_complained(worker)


def test_without_redis_the_api_does_as_its_document_says(own_store: OwnStore, start: Start) -> None:
    """Every answer but that of /health is a 503 in the envelope with Retry-After, or refuses bad input as ever."""
    own_store.stop()
    server = start("serve", "--port", "0", PROJECTOR_REDIS_URL=own_store.url)
    report = run("redis_away", server)
    assert f"Tested: {OPERATIONS}" in report
    assert "Traceback" not in server.output()
