"""The wheel: what is installed from it works without the checkout."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, cwd=folder, timeout=150)
    (path,) = folder.glob("projector-*.whl")
    return path


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """The programs of an environment in which the wheel is installed; its dependencies are borrowed from ours."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True, cwd=folder, timeout=60)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin"


def test_the_wheel_holds_all_sql_all_scripts_and_the_status_page(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    folders = ("projector/lua", "projector/ops/assets")
    for root, target in ((ROOT / "sql", "projector/sql"), *((ROOT / folder, folder) for folder in folders)):
        files = {f"{target}/{path.relative_to(root)}" for path in root.rglob("*") if path.is_file()}
        assert files
        assert files - names == set()


def test_the_wheel_holds_the_packages_and_nothing_beside_them(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"projector", "api", "cli"}
    assert not [name for name in names if "__pycache__" in name or "test" in name]


def test_an_installed_wheel_has_the_same_commands_away_from_the_checkout(fresh: Path, tmp_path: Path) -> None:
    installed = _run(tmp_path, fresh / "projector", "--help")
    ours = _run(ROOT, Path(sys.executable), "-m", "cli.main", "--help")
    assert (installed.returncode, installed.stderr, installed.stdout) == (0, "", ours.stdout)


def test_an_installed_wheel_finds_its_own_sections_and_scripts(fresh: Path, tmp_path: Path) -> None:
    program = """
import api.app, projector.publish
from projector.definitions import package_fingerprint
from projector.sections import load_documents
from projector.sql import sql_root
assert load_documents() and projector.publish.PUBLISH.text
print(sql_root(), package_fingerprint())
"""
    root, fingerprint = _run(tmp_path, fresh / "python", "-c", program).stdout.split()
    assert Path(root).is_relative_to(fresh.parent)
    ours = _run(ROOT, Path(sys.executable), "-c", program).stdout.split()
    assert ours == [str(ROOT / "sql"), fingerprint]


def _run(folder: Path, *command: str | Path) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PROJECTOR_"))}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
