"""The pages of docs/decisions name tests; these exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TRAPS = ROOT / "docs" / "decisions" / "16-traps.md"


def test_every_test_that_the_page_of_traps_names_exists() -> None:
    defined = set()
    for path in (ROOT / "tests").rglob("*.py"):
        defined |= set(re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8")))
    named = set(re.findall(r"`(test_\w+)`", TRAPS.read_text(encoding="utf-8")))
    assert len(named) > 20
    assert named - defined == set()


def test_every_file_that_the_page_of_traps_names_exists() -> None:
    named = re.findall(r"`(\w+/(?:\w+\.py)?)`", TRAPS.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / "tests" / name).exists()] == []
