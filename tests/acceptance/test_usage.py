"""What a command refuses: arguments and settings that it cannot use."""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest

from tests.acceptance.catalog import is_untouched
from tests.acceptance.commands import Finished, Projector, side_by_side


@dataclass(frozen=True)
class Refusal:
    """A command that cannot be done, and what its one line must hold: the value, and the remedy."""

    command: str
    words: tuple[str, ...]
    settings: dict[str, str | None] = field(default_factory=dict)

    def __str__(self) -> str:
        changed = [f"{name.removeprefix('PROJECTOR_')}={value}" for name, value in self.settings.items()]
        return " ".join([*changed, self.command])


def _set(command: str, name: str, value: str | None, *words: str) -> Refusal:
    return Refusal(command, (f"PROJECTOR_{name}", *words), {f"PROJECTOR_{name}": value})


REFUSALS = (
    Refusal("rebuild --entity product --id x", ("'x'", "--id")),
    Refusal("rebuild --entity product --id 1_0", ("'1_0'", "--id")),
    Refusal("rebuild --entity product --id 9223372036854775808", ("'9223372036854775808'", "--id")),
    Refusal("rebuild --entity product --id -9223372036854775809", ("'-9223372036854775809'", "--id")),
    Refusal("rebuild --id 1", ("--id", "--entity")),
    Refusal("rebuild --entity product --entity order --id 1", ("--id", "--entity")),
    Refusal("uninstall", ("--yes",)),
    _set("status", "DATABASE_URL", None, "is not set", "Set it"),
    _set("run", "REDIS_URL", "", "is not set", "Set it"),
    _set("rebuild", "REDIS_URL", None, "is not set", "Set it"),
    _set("serve", "REDIS_URL", None, "is not set", "Set it"),
    _set("status", "DATABASE_URL", "mysql://host/erp", "postgresql://"),
    _set("serve", "REDIS_URL", "http://host", "redis://"),
    _set("status", "DATABASE_URL", "postgresql://localhost/erp?nonsense=1", "nonsense"),
    _set("rebuild", "REDIS_URL", "redis://localhost:abc/0"),
    _set("serve", "REDIS_URL", "redis://localhost:abc/0"),
    _set("install", "TIMEZONE", "Mars/Olympus", "'Mars/Olympus'", "Asia/Baghdad"),
    _set("install", "TIMEZONE", "a'b", "a'b", "Asia/Baghdad"),
    _set("install", "ERP_SCHEMA", "no where", "no where"),
    _set("run", "CHUNK_SIZE", "0", "'0'"),
    _set("run", "CLAIM_LIMIT", "many", "'many'"),
    _set("status", "CONNECT_TIMEOUT_SECONDS", "60", "'60'"),
    _set("status", "STATEMENT_TIMEOUT_SECONDS", "1e12", "1e12"),
    Refusal("rebuild", ("projector install",)),
    Refusal("verify", ("projector install",)),
    Refusal("status", ("projector install",)),
    Refusal("check", ("projector install",)),
    Refusal("run", ("projector install",)),
    Refusal("uninstall --yes", ("no projector in this database",)),
)
MISUSES = (
    ("nonsense", "'nonsense'"),
    ("rebuild extra", "extra"),
    ("rebuild --entity nonsense", "'nonsense'"),
    ("rebuild --jobs 0", "--jobs"),
    ("verify --sample 0", "--sample"),
    ("serve --port 65536", "--port"),
    ("serve --workers 0", "--workers"),
)


@pytest.fixture(scope="module")
def refused(shared: Projector) -> dict[str, Finished]:
    """What each was answered, on an ERP where nothing is installed."""
    calls = [partial(shared, *refusal.command.split(), **refusal.settings) for refusal in REFUSALS]
    return dict(zip(map(str, REFUSALS), side_by_side(calls), strict=True))


@pytest.fixture(scope="module")
def misused(shared: Projector) -> dict[str, Finished]:
    commands = [command for command, _ in MISUSES]
    return dict(zip(commands, shared.each([command.split() for command in commands]), strict=True))


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_a_refusal_is_one_line_with_the_value_and_the_remedy(refusal: Refusal, refused: dict[str, Finished]) -> None:
    line = refused[str(refusal)].refusal()
    assert [word for word in refusal.words if word not in line] == [], line


def test_no_refused_command_changed_the_database(refused: object, shared_erp_url: str) -> None:
    assert is_untouched(shared_erp_url)


@pytest.mark.parametrize(("command", "word"), MISUSES)
def test_wrong_usage_is_told_with_the_fault_and_exit_code_2(
    command: str, word: str, misused: dict[str, Finished]
) -> None:
    usage = misused[command].usage()
    assert word in usage
    assert "--help" in usage or "-h" in usage


def test_debug_shows_the_traceback_wherever_it_stands(shared: Projector) -> None:
    shared = shared.given(PROJECTOR_CHUNK_SIZE="0")
    for answer in shared.each([("--debug", "status"), ("status", "--debug")]):
        assert answer.code == 1
        assert "Traceback (most recent call last)" in answer.err
        assert "PROJECTOR_CHUNK_SIZE ('0')" in answer.err.splitlines()[-1]


def test_a_settings_file_counts_and_the_environment_counts_more(shared: Projector, tmp_path: Path) -> None:
    """A file .env in the working directory holds settings as the environment does."""
    (tmp_path / ".env").write_text("PROJECTOR_CHUNK_SIZE=0\n")
    here = replace(shared, folder=tmp_path)
    assert "PROJECTOR_CHUNK_SIZE ('0')" in here("status").refusal()
    assert "projector install" in here("status", PROJECTOR_CHUNK_SIZE="10").refusal()
