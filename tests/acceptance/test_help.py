"""The command line explains itself."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli.main import app
from cli.manual import PAGES
from tests.acceptance.commands import Projector

COMMANDS = (
    "install", "uninstall", "run", "serve", "rebuild", "verify", "status", "check", "dead-letters", "pause", "resume",
    "why", "impact", "demo", "bench",
)  # fmt: skip
"""All that the command line has."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Projector:
    """The command line with no setting at all."""
    return Projector(tmp_path_factory.mktemp("help"), {})


def help_of(*command: str) -> str:
    """What `projector <command> --help` prints, in this process: an interpreter for each would be most of the time."""
    answer = CliRunner().invoke(app, [*command, "--help"], prog_name="projector")
    assert (answer.exit_code, answer.stderr) == (0, ""), answer
    return answer.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_says_in_a_sentence_what_it_does(command: str) -> None:
    told = help_of(command)
    usage, _, sentence, *_ = told.splitlines()
    assert usage.startswith(f"Usage: projector {command}")
    assert re.fullmatch(r"  [A-Z].{20,}", sentence), told


@pytest.mark.parametrize("command", COMMANDS)
def test_each_option_says_what_it_is_for(command: str) -> None:
    options = help_of(command).partition("Options:\n")[2].partition("\n\n")[0]
    described = re.split(r"\n(?=  -)", options.rstrip())
    assert described
    for option in described:
        assert re.search(r"(\s{2,}|\n\s+)[A-Z\d][^\n]{5,}", option), option


def test_help_names_every_command_and_no_other(plain: Projector) -> None:
    """`-h` is the same as `--help`, and so is no argument, except that this is wrong usage."""
    long, short, none = plain.each([("--help",), ("-h",), ()])
    commands = long.out.partition("Commands:\n")[2].partition("\n\n")[0]
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


def test_each_command_has_examples_that_it_takes_exit_codes_and_settings() -> None:
    """Those of groups, too; no page is of a command that is not there."""
    commands = dict(_walk(typer.main.get_command(app), ""))
    assert sorted(commands) == sorted(PAGES)
    for path, command in commands.items():
        page = PAGES[path]
        assert command.help, path
        assert page.examples, path
        for example in page.examples:
            _require_taken(commands, path, example)
        for heading in ("Examples:", "Exit codes:", "Settings:"):
            assert f"\n{heading}\n" in command.epilog, (path, heading)
        for code in (0, 1, 2, 130):
            assert re.search(rf"^  {code} +\w", command.epilog, re.MULTILINE), (path, code)
        assert max(map(len, command.epilog.splitlines())) <= 80, path


def _walk(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, command
    if isinstance(command, typer.core.TyperGroup):
        context = typer.Context(command)
        for name in command.list_commands(context):
            yield from _walk(command.get_command(context, name), f"{path} {name}".strip())


def _require_taken(commands: dict[str, Any], path: str, example: str) -> None:
    """It is of this command (that of everything shows others), and has all its options and arguments."""
    line = example.partition("  ")[0].partition(" | ")[0]
    named = max((it for it in commands if line == it or line.startswith(f"{it} ")), key=len, default="")
    assert named == path or not path or path in ("bench", "dead-letters"), example
    words = shlex.split(line.removeprefix(named))
    if words != ["--install-completion"]:
        with commands[named].make_context(named, words, resilient_parsing=False):
            pass


@pytest.mark.parametrize("name", ["list", "retry", "discard"])
def test_each_subcommand_of_dead_letters_says_what_it_does(name: str) -> None:
    told = help_of("dead-letters", name)
    assert told.startswith(f"Usage: projector dead-letters {name}")
    assert "--section" in told


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [("--version", "psycopg|redis|fastapi"), ("run --help", "fastapi|rich|cli.rebuilding|cli.inspection")],
)
def test_a_command_imports_nothing_that_only_others_need(command: str, unneeded: str, plain: Projector) -> None:
    """Imports are most of what the start of a process costs."""
    program = [sys.executable, "-X", "importtime", "-m", "cli.main", *command.split()]
    told = subprocess.run(program, cwd=plain.folder, capture_output=True, text=True, timeout=60).stderr
    assert re.search(r"\| +cli.imports$", told, re.MULTILINE)
    assert re.findall(rf"\| +({unneeded})$", told, re.MULTILINE) == []
