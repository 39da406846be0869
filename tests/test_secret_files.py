"""Secrets may lie in files, and never show in what is said of them."""

from pathlib import Path

import pytest

from projector.errors import SettingsError
from projector.settings import Settings

SECRETS = {
    "DATABASE_URL": "postgresql://u:pass-word@host/erp",
    "REDIS_URL": "rediss://:pass-word@host:6379/0",
    "API_JWT_SECRET": "pass-word, and more than 32 bytes of it",
}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.delenv(f"PROJECTOR_{name}", raising=False)


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_read_from_its_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the line's end; the same from a file .env."""
    file = tmp_path / "secret"
    file.write_text(f"{SECRETS[name]}\n")
    monkeypatch.setenv(f"PROJECTOR_{name}_FILE", str(file))
    settings = Settings.load()
    assert getattr(settings, name.lower()).get_secret_value() == SECRETS[name]
    assert "pass-word" not in repr(settings)
    monkeypatch.delenv(f"PROJECTOR_{name}_FILE")
    (tmp_path / ".env").write_text(f"PROJECTOR_{name}_FILE={file}\n")
    monkeypatch.chdir(tmp_path)
    assert getattr(Settings.load(), name.lower()).get_secret_value() == SECRETS[name]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff", "no text"),
        (b"pass-word", "cannot be used"),
    ],
)
@pytest.mark.parametrize("name", SECRETS)
def test_a_file_that_cannot_be_used_is_named_and_not_shown(
    name: str, content: bytes | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv(f"PROJECTOR_{name}_FILE", str(file))
    with pytest.raises(SettingsError, match=reason) as caught:
        Settings.load()
    assert f"PROJECTOR_{name}" in str(caught.value)
    assert "pass-word" not in str(caught.value)


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_and_a_file_for_it_are_one_too_many(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"PROJECTOR_{name}", SECRETS[name])
    monkeypatch.setenv(f"PROJECTOR_{name}_FILE", "/nowhere")
    with pytest.raises(SettingsError, match="both set"):
        Settings.load()
