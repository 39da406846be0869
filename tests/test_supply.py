"""What the project is made of: licences, dependencies with a use, and the bill of materials."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools import audit, sbom
from tools.packages import canonical, licence, needed

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

ALLOWED = {
    "3-Clause BSD License", "Apache-2.0", "Apache Software License", "BSD License", "BSD-2-Clause", "BSD-3-Clause",
    "ISC License", "MIT", "MIT License", "MIT-0", "PSF-2.0",
    "LGPL-3.0-only",  # psycopg, used as it comes
    "MPL-2.0",  # certifi, used as it comes
}  # fmt: skip
"""Licences of what is shipped, as packages spell them."""
OF_TOOLS = ALLOWED | {
    "GPL-2.0-only", "Python Software Foundation License",
}  # fmt: skip
"""Of what only developers run, which is not shipped."""
UNSAID = {"promql-parser": "MIT, by the file in its repository; its metadata says nothing"}

NOT_IMPORTED: dict[str, str] = {}
"""Dependencies that no module of ours imports, by what they are for."""


def _alternatives(package_licence: str) -> list[set[str]]:
    """One of these has to be allowed as a whole."""
    plain = re.sub(r" \((ISCL|MPL 2.0)\)", "", package_licence).replace("Mozilla Public License 2.0", "MPL-2.0")
    return [set(each.strip("() ").split(" AND ")) for each in plain.split(" OR ")]


def _not_allowed(extra: str, allowed: set[str]) -> dict[str, str]:
    said = {name: licence(package) for name, package in needed((extra,)).items() if name not in UNSAID}
    return {name: text for name, text in said.items() if not any(each <= allowed for each in _alternatives(text))}


def test_every_licence_of_what_is_shipped_is_an_allowed_one() -> None:
    assert len(needed(("otel",))) > 40
    assert _not_allowed("otel", ALLOWED) == {}


def test_every_licence_of_a_developers_tool_is_an_allowed_one() -> None:
    assert _not_allowed("dev", OF_TOOLS) == {}


def test_a_licence_that_is_not_on_the_list_is_found() -> None:
    assert "psycopg" in _not_allowed("otel", ALLOWED - {"LGPL-3.0-only"})


def _imported() -> set[str]:
    """Top-level modules that the packages import, also within functions."""
    names = set()
    for path in (path for folder in ("projector", "api", "cli") for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add((node.module or "").split(".")[0])
    return names


def test_every_dependency_is_imported_or_says_what_it_is_for() -> None:
    owners = packages_distributions()
    used = {canonical(name) for module in _imported() for name in owners.get(module, ())}
    requirements = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["otel"]]
    asked = {canonical(Requirement(text).name) for text in requirements}
    # The namespace opentelemetry is shared by its packages: `from opentelemetry.sdk` counts for all of them.
    assert asked - used - NOT_IMPORTED.keys() == set()


def test_every_package_is_pinned_to_what_is_installed() -> None:
    lines = audit.CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    pinned = (line.split("==") for line in lines if not line.startswith("#"))
    pins = {canonical(name): version for name, version in pinned}
    installed = {name: it.version for name, it in needed(("dev",)).items() if name not in ("projector", "pip")}
    assert {name: pins.get(name) for name in installed} == installed


def test_the_bill_names_every_package_with_version_and_licence_and_no_address(tmp_path: Path) -> None:
    sbom.main(tmp_path)
    (path,) = tmp_path.iterdir()
    text = path.read_text(encoding="utf-8")
    bill = json.loads(text)
    assert bill.pop("$schema")
    listed = {part["name"]: part["version"] for part in bill["components"]}
    assert listed == {name: it.version for name, it in needed(("otel",)).items() if name != "projector"}
    assert all(part["licenses"] for part in bill["components"])
    assert "://" not in json.dumps(bill)
    assert "externalReferences" not in text
    (own,) = [each for each in bill["dependencies"] if each["ref"].startswith("projector==")]
    assert f"psycopg=={listed['psycopg']}" in own["dependsOn"]


def _said(text: str, code: int = 0, errors: str = "") -> tuple[int, str]:
    program = f"import sys; print({text!r}); sys.stderr.write({errors!r}); sys.exit({code})"
    return audit.audit((sys.executable, "-c", program))


def test_a_known_vulnerability_fails_the_audit() -> None:
    found = {"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}
    code, text = _said(json.dumps({"dependencies": [found, {"name": "b", "version": "1", "vulns": []}]}), 1)
    assert (code, text.splitlines()[0]) == (1, "a 1: PYSEC-1, mended in 2")


@pytest.mark.parametrize(
    "answer",
    [
        ("", 1, "ERROR: Connection to somewhere timed out"),
        (json.dumps({"dependencies": [{"name": "a", "skip_reason": "not known"}]}), 0, ""),
    ],
)
def test_a_service_that_is_away_is_told_and_fails_nothing(answer: tuple[str, int, str]) -> None:
    code, text = _said(*answer)
    assert code == 0
    assert "NOTHING WAS AUDITED" in text


def test_an_audit_that_cannot_run_fails() -> None:
    assert _said("", 2, "error: unrecognized arguments")[0] == 1


def test_the_audit_is_of_the_pinned_versions() -> None:
    assert str(ROOT / "constraints.txt") in audit._PIP_AUDIT
    done = subprocess.run([sys.executable, "-m", "pip_audit", "--version"], capture_output=True, text=True)
    assert done.returncode == 0
