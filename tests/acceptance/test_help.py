"""The command line explains itself."""

import re
import subprocess
import sys
from importlib.metadata import version

import pytest

from tests.acceptance.commands import Finished, Projector

COMMANDS = (
    "install", "uninstall", "run", "serve", "rebuild", "verify", "status", "check", "dead-letters", "pause", "resume",
    "demo", "bench",
)  # fmt: skip
"""All that the command line has."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Projector:
    """The command line with no setting at all."""
    return Projector(tmp_path_factory.mktemp("help"), {})


@pytest.fixture(scope="module")
def helps(plain: Projector) -> dict[str, Finished]:
    """What `projector <command> --help` says."""
    return dict(zip(COMMANDS, plain.each([(name, "--help") for name in COMMANDS]), strict=True))


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_says_in_a_sentence_what_it_does(command: str, helps: dict[str, Finished]) -> None:
    answer = helps[command]
    assert (answer.code, answer.err) == (0, ""), answer
    usage, _, sentence, *_ = answer.out.splitlines()
    assert usage.startswith(f"Usage: projector {command}")
    assert re.fullmatch(r"  [A-Z].{20,}", sentence), answer.out


@pytest.mark.parametrize("command", COMMANDS)
def test_each_option_says_what_it_is_for(command: str, helps: dict[str, Finished]) -> None:
    _, _, options = helps[command].out.partition("Options:\n")
    described = re.split(r"\n(?=  -)", options.rstrip())
    assert described
    for option in described:
        assert re.search(r"(\s{2,}|\n\s+)[A-Z\d][^\n]{5,}", option), option


def test_help_names_every_command_and_no_other(plain: Projector) -> None:
    """`-h` is the same as `--help`, and so is no argument, except that this is wrong usage."""
    long, short, none = plain.each([("--help",), ("-h",), ()])
    _, _, commands = long.out.partition("Commands:\n")
    assert sorted(re.findall(r"^  ([\w-]+)", commands, re.MULTILINE)) == sorted(COMMANDS)
    assert (long.code, short.code, none.code) == (0, 0, 2)
    assert long.out == short.out
    assert "Commands:" in none.out + none.err


def test_version_is_that_of_the_package_and_needs_no_setting(plain: Projector) -> None:
    """Neither it nor help minds a setting that is wrong."""
    wrong = plain.given(PROJECTOR_CHUNK_SIZE="many", PROJECTOR_REDIS_URL="nonsense")
    told, rebuild = wrong.each([("--version",), ("rebuild", "--help")])
    assert (told.code, told.out, told.err) == (0, f"projector {version('projector')}\n", "")
    assert (rebuild.code, rebuild.err) == (0, "")


def test_each_subcommand_of_dead_letters_says_what_it_does(plain: Projector) -> None:
    for name, answer in zip(
        ("list", "retry", "discard"),
        plain.each([("dead-letters", name, "--help") for name in ("list", "retry", "discard")]),
        strict=True,
    ):
        assert (answer.code, answer.err) == (0, ""), answer
        assert answer.out.startswith(f"Usage: projector dead-letters {name}")
        assert "--section" in answer.out


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [("--version", "psycopg|redis|pydantic|fastapi"), ("run --help", "fastapi|rich|cli.rebuilding|cli.inspection")],
)
def test_a_command_imports_nothing_that_only_others_need(command: str, unneeded: str, plain: Projector) -> None:
    """Imports are most of what the start of a process costs."""
    program = [sys.executable, "-X", "importtime", "-m", "cli.main", *command.split()]
    told = subprocess.run(program, cwd=plain.folder, capture_output=True, text=True, timeout=60).stderr
    assert re.search(r"\| +cli.logs$", told, re.MULTILINE)
    assert re.findall(rf"\| +({unneeded})$", told, re.MULTILINE) == []
