"""projector uninstall: asked for twice, and without a trace."""

import re
from pathlib import Path

import psycopg
import pytest
import redis

from projector.redis_acl import acl_commands
from projector.settings import Settings
from tests.acceptance.catalog import is_untouched, read_erp, read_objects
from tests.acceptance.commands import Projector
from tests.acceptance.documents import read_field
from tests.acceptance.servers import closed_port
from tests.acceptance.test_install_locks import LONGEST_WAIT_SECONDS, Writer
from tests.conftest import Start
from tests.waiting import wait_until

OPERATIONS = (Path(__file__).parents[2] / "docs/operations.md").read_text(encoding="utf-8")


def test_without_a_terminal_uninstall_wants_to_be_told_yes(projector: Projector, built: Settings) -> None:
    assert "--yes" in projector("uninstall").refusal()
    assert not is_untouched(built.database())


def test_on_a_terminal_uninstall_asks_and_no_means_no(projector: Projector, built: Settings, erp_url: str) -> None:
    code, shown = projector.on_terminal("uninstall", typed="n\n")
    assert (code, "[y/N]" in shown) == (1, True), shown
    assert not is_untouched(erp_url)
    code, shown = projector.on_terminal("uninstall", typed="y\n")
    assert code == 0, shown
    assert is_untouched(erp_url)


def test_uninstall_leaves_no_trace_in_the_database_and_none_in_redis(
    projector: Projector, start: Start, erp_url: str, cache: "redis.Redis"
) -> None:
    """After an installation that has been worked with. What others keep in Redis stays."""
    before = read_erp(erp_url)
    projector("install")
    worker = start("run")
    worker.wait_for("all documents are built")
    with psycopg.connect(erp_url, autocommit=True) as connection:
        connection.execute("UPDATE products SET name = 'changed' WHERE id = 1")
        connection.execute("DELETE FROM reviews")
    cache.xadd("projector:refresh", {"document": "product", "id": "1"})
    wait_until(lambda: '"changed"' in read_field(cache, "bff:product:1:complete", "product"))
    worker.stop()
    cache.set("session:1", "kept")
    assert projector("uninstall", "--yes").code == 0
    assert is_untouched(erp_url)
    assert not any(read_objects(erp_url).values())
    assert read_erp(erp_url) == before
    assert cache.keys("*") == [b"session:1"]


def test_what_was_uninstalled_can_be_installed_again(projector: Projector, built: Settings) -> None:
    assert projector("uninstall", "--yes").code == 0
    assert projector("install").code == 0
    assert projector("rebuild").code == 0
    assert [answer.code for answer in projector.each([("check",), ("verify",)])] == [0, 0]


@pytest.mark.parametrize("setting", ["unset", "unreachable"])
def test_uninstall_without_redis_says_that_documents_stay(
    setting: str, projector: Projector, installed: Settings, erp_url: str
) -> None:
    with closed_port() as port:
        url = None if setting == "unset" else f"redis://127.0.0.1:{port}/0"
        answer = projector("uninstall", "--yes", PROJECTOR_REDIS_URL=url)
    assert "Redis" in answer.err
    assert "Traceback" not in answer.err
    assert is_untouched(erp_url)


def test_what_uninstall_leaves_goes_as_the_page_says(
    projector: Projector, erp_url: str, redis_url: str, cache: "redis.Redis"
) -> None:
    """Roles of PostgreSQL and users of Redis, which others may have been given."""
    assert projector("install", "--roles").code == 0
    for command in acl_commands():
        cache.execute_command(*command.split())
    assert projector("uninstall", "--yes").code == 0
    page = OPERATIONS.partition("\n## Uninstalling\n")[2].partition("\n## ")[0]
    statements = re.findall(r"^    (DROP [^;]+);", page, re.MULTILINE)
    (users,) = re.findall(r"^    redis-cli (ACL DELUSER [\w -]+) &&", page, re.MULTILINE)
    ours = "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'projector\\_%'"
    with psycopg.connect(erp_url, autocommit=True) as connection:
        before = connection.execute(ours.encode()).fetchone()
        for statement in statements:
            connection.execute(statement.encode())
        assert (before, connection.execute(ours.encode()).fetchone()) == ((2,), (0,))
    assert cache.execute_command(*users.split()) == len(acl_commands())
    assert not [name for name in cache.acl_users() if name.startswith("projector")]


def test_uninstall_beside_a_long_transaction_holds_up_nobody_for_long(
    start: Start, installed: Settings, erp_url: str
) -> None:
    """Dropping a trigger locks out readers, too: those that come meanwhile wait for two seconds at most."""
    with psycopg.connect(erp_url) as long, Writer(erp_url).writing() as writer:
        long.execute("SELECT count(*) FROM products")
        removal = start("uninstall", "--yes")
        wait_until(lambda: writer.slowest > 0.5, what="a writer that waited behind the removal and went on")
        assert removal.process.poll() is None
        long.rollback()
        assert removal.process.wait(30) == 0, removal.output()
    assert writer.slowest < LONGEST_WAIT_SECONDS
    assert is_untouched(erp_url)
