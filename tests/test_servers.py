"""Embedded servers come and go."""

import shutil
import tempfile

import psycopg
import pytest

from projector.demo.servers import embedded_postgresql, make_folder


def test_a_server_that_outlives_another_leaves_nothing_behind_either(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_folder()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with embedded_postgresql() as url:
        with embedded_postgresql() as other:
            assert other != url
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    left = [path.relative_to(folder) for path in folder.rglob("*")]
    shutil.rmtree(folder)
    assert left == []
