"""projector demo: everything at once, and nothing left of it."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]
import psycopg
import pytest

from tests.acceptance.catalog import is_untouched, read_erp
from tests.acceptance.commands import Projector, interrupt

SMALL = ("demo", "--scale", "0.02", "--port", "0")
STOP_SECONDS = 20


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Projector]:
    """The command line with no server given, and all its temporary files in one folder. Whatever a test says of the
    demo, nothing of it is left running."""
    scratch = tmp_path / "t"
    scratch.mkdir(mode=0o755)
    runtime = tmp_path / "r"
    runtime.mkdir(mode=0o700)
    yield Projector(tmp_path, {"TMPDIR": str(scratch), "XDG_RUNTIME_DIR": str(runtime)})
    for process in _processes_in(scratch):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def test_a_short_round_builds_changes_verifies_and_leaves_nothing(alone: Projector) -> None:
    """It prints where everything runs, and a curl line. Nothing, also where the system has no folder for what lives
    as long as a login."""
    answer = alone(*SMALL, "--once", XDG_RUNTIME_DIR=None)
    assert (answer.code, "Traceback" in answer.err) == (0, False), answer
    assert re.search(r"^ +curl http://127\.0\.0\.1:\d+/api/mobile/products/1/complete$", answer.out, re.MULTILINE)
    for line in (
        r"postgresql://\S+",
        r"redis://\S+",
        r"commit to visible +\d",
        r"documents equal a fresh build",
        r"events +\d+ told",
    ):
        assert re.search(line, answer.out), answer.out
    _assert_nothing_left(alone)


def test_ctrl_c_ends_a_running_demo_and_leaves_nothing(alone: Projector) -> None:
    with alone.running(*SMALL) as demo:
        shown = _read_until(demo, "commit to visible")
        address = re.search(r"curl (\S+)", shown)
        assert address is not None, shown
        assert httpx.get(address[1]).json()["success"] is True
        assert _processes_in(Path(str(alone.environment["TMPDIR"])))
        interrupt(demo)
        rest, _ = demo.communicate(timeout=STOP_SECONDS)
    assert "Traceback" not in rest
    assert demo.returncode in (0, 130)
    _assert_nothing_left(alone)


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_ended_while_it_starts_leaves_nothing_either(kind: signal.Signals, alone: Projector) -> None:
    with alone.running(*SMALL) as demo:
        _read_until(demo, "rows generated")
        if kind is signal.SIGINT:
            interrupt(demo)
        else:
            demo.terminate()
        demo.wait(STOP_SECONDS)
        _assert_nothing_left(alone)
        assert demo.stdout is not None
        assert "Traceback" not in demo.stdout.read()


def test_a_database_that_is_not_empty_is_not_written_to(alone: Projector, erp_url: str) -> None:
    before = read_erp(erp_url)
    line = alone(*SMALL, "--once", PROJECTOR_DATABASE_URL=erp_url).err.splitlines()[-1]
    assert line.startswith("error: ")
    assert "PROJECTOR_DATABASE_URL" in line
    assert read_erp(erp_url) == before
    assert is_untouched(erp_url)


def test_servers_that_are_given_are_used_and_left_empty(alone: Projector, database_url: str, redis_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (id integer)")
    before = read_erp(database_url)
    given = alone.given(PROJECTOR_DATABASE_URL=database_url, PROJECTOR_REDIS_URL=redis_url)
    with given.running(*SMALL) as demo:
        assert database_url in _read_until(demo, "commit to visible")
        interrupt(demo)
        demo.communicate(timeout=STOP_SECONDS)
    assert demo.returncode in (0, 130)
    assert is_untouched(database_url)
    assert read_erp(database_url) == before
    _assert_nothing_left(alone)


def _read_until(demo: "subprocess.Popen[str]", text: str) -> str:
    assert demo.stdout is not None
    shown = ""
    for line in demo.stdout:
        shown += line
        if text in line:
            return shown
    raise AssertionError(f"the demo ended before it said {text!r}: {shown}")


def _assert_nothing_left(alone: Projector) -> None:
    scratch = Path(str(alone.environment["TMPDIR"]))
    assert _processes_in(scratch) == []
    assert list(scratch.iterdir()) == []


def _processes_in(folder: Path) -> list[psutil.Process]:
    """Every process that was started with this temporary folder, or works in it."""
    return [process for process in psutil.process_iter() if _is_in(process, str(folder))]


def _is_in(process: psutil.Process, folder: str) -> bool:
    try:
        known = (process.environ().get("TMPDIR", ""), process.cwd(), *process.cmdline())
        return process.status() != psutil.STATUS_ZOMBIE and any(folder in text for text in known)
    except psutil.Error:  # it ended while we looked
        return False
