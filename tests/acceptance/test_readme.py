"""The README says what the program does."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.main import app
from projector.settings import Settings
from tests.acceptance.test_help import COMMANDS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NO_DEFAULT = {"", "-", "—", "–", "none", "required"}
"""What a table may say of a setting that has no default."""
_COMMAND_LINE = r"(?:^ {4,}(?:\S+=\S+ )*(?:\$ )?|`)projector (?!is not)([a-z][a-z-]*)([^\n`#|]*)"
"""In an indented block, or in back quotes."""


def _options(command: Any) -> set[str]:
    """Those of its subcommands, too."""
    own = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h", "--debug"}
    return own.union(*map(_options, getattr(command, "commands", {}).values()))


_GROUP: Any = typer.main.get_command(app)
_OPTIONS = {name: _options(_GROUP.get_command(None, name)) for name in _GROUP.list_commands(None)}


def _settings_table() -> dict[str, str]:
    """Variable to default, from the rows `| PROJECTOR_X | default | … |` of the README."""
    rows = re.findall(r"^\|\s*`?(PROJECTOR_\w+)`?\s*\|([^|]*)\|", README, re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a setting stands in the table twice"
    return {name: default.strip().strip("`") for name, default in rows}


def test_the_readme_names_every_command() -> None:
    assert [name for name in COMMANDS if f"projector {name}" not in README] == []


def test_the_settings_table_has_every_setting_and_no_other() -> None:
    assert sorted(_settings_table()) == sorted(f"PROJECTOR_{name.upper()}" for name in Settings.model_fields)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_settings_table_has_the_default_that_the_program_has(name: str) -> None:
    told = _settings_table().get(f"PROJECTOR_{name.upper()}")
    assert told is not None, f"PROJECTOR_{name.upper()} is not in the table"
    assert _is_same(told, Settings.model_fields[name].default), told


def _is_same(told: str, default: Any) -> bool:
    if default is None:
        return told.lower() in NO_DEFAULT
    if isinstance(default, int | float) and not isinstance(default, bool):
        return float(told.replace(",", "").replace("_", "")) == default
    return told.lower() == str(default).lower()


def test_every_command_line_that_is_shown_is_one_that_the_program_takes() -> None:
    """In the README and in docs/, as a line or within one: its command, and each option."""
    shown = [line for text in _pages() for line in re.findall(_COMMAND_LINE, text, re.MULTILINE)]
    assert shown
    for name, rest in shown:
        assert name in _OPTIONS, f"projector {name}"
        assert set(re.findall(r"(?<=\s)-{1,2}[a-z][\w-]*", rest)) <= _OPTIONS[name], f"projector {name}{rest}"


def _pages() -> list[str]:
    return [README, *(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md")))]
