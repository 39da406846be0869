"""Another version of the program, with sections of its own, on a database that one of them was installed in."""

import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import redis

from projector.install import install
from projector.names import STATE_KEY
from projector.settings import Settings
from tests.acceptance.catalog import is_untouched, read_installation
from tests.acceptance.commands import Projector
from tests.acceptance.documents import read_fresh, read_hash, read_served
from tests.conftest import Start
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
Edit = Callable[[str, str, str], Projector]


@pytest.fixture
def edited(projector: Projector, tmp_path: Path) -> Edit:
    """The program with a text replaced in one file of sql/sections."""

    def edit(file: str, text: str, replacement: str) -> Projector:
        copy = tmp_path / "edited"
        for package in ("projector", "api", "cli", "sql"):
            shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
        path = copy / "sql" / "sections" / file
        content = path.read_text(encoding="utf-8")
        assert text in content
        path.write_text(content.replace(text, replacement), encoding="utf-8")
        return projector.given(PYTHONPATH=str(copy))

    return edit


@pytest.mark.parametrize(
    ("file", "text", "replacement", "words"),
    [
        ("product/reviews.sql", "-- route reviews.product_id\n", "", ("product.reviews", "reviews", "product_id")),
        ("product/reviews.sql", "-- route reviews.product_id", "-- route reviews", ("product/reviews.sql", "route")),
        ("product/reviews.sql", "NULL::timestamptz", "now()", ("product/reviews.sql", "projector.now()")),
        ("order/order.sql", "-- route", "-- route suppliers.id\n-- route", ("order.order", "suppliers")),
    ],
    ids=["no route", "unreadable route", "PostgreSQL's clock", "idle route"],
)
def test_a_section_that_would_miss_changes_cannot_be_installed(
    file: str, text: str, replacement: str, words: tuple[str, ...], edited: Edit, erp_url: str
) -> None:
    """The line names the section, the table and the column that it reads without a route."""
    line = edited(file, text, replacement)("install").refusal()
    assert [word for word in words if word not in line] == [], line
    assert is_untouched(erp_url)


def test_a_version_that_cannot_be_installed_leaves_the_installed_one_as_it_was(
    installed: Settings, edited: Edit, erp_url: str
) -> None:
    before = read_installation(erp_url)
    edited("product/reviews.sql", "-- route reviews.product_id\n", "")("install").refusal()
    assert read_installation(erp_url) == before


def test_what_redis_was_last_seen_with_outlives_the_upgrade(installed: Settings, erp: psycopg.Connection) -> None:
    """It was kept for one server before there were shards."""
    erp.execute("CREATE TABLE projector.redis_state (singleton boolean, instance text, published bigint)")
    erp.execute("INSERT INTO projector.redis_state VALUES (true, 'mark', 7)")
    install(installed)
    remembered = erp.execute("SELECT state_key, instance, published FROM projector.redis_shard").fetchall()
    assert remembered == [("projector:state", "mark", 7)]
    assert erp.execute("SELECT to_regclass('projector.redis_state')").fetchone() == (None,)


EARLIER_BACKLOG = """
DROP TABLE projector.backlog;
CREATE TABLE projector.backlog (
    document text NOT NULL,
    id bigint,
    section text NOT NULL DEFAULT '*',
    fanout jsonb,
    queued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((id IS NULL) = (fanout IS NOT NULL)),
    UNIQUE (document, id, section)
);
CREATE UNIQUE INDEX backlog_fanout ON projector.backlog (document, section, md5(fanout::text)) WHERE id IS NULL;
INSERT INTO projector.backlog (document, id, section) VALUES ('product', 1, '*'), ('product', 130, 'pricing');
INSERT INTO projector.backlog (document, fanout) VALUES ('order', '{"all": true}');
"""


def test_what_waits_in_the_backlog_outlives_the_upgrade(installed: Settings, erp: psycopg.Connection) -> None:
    """There was a row for each document, and a key."""
    erp.execute(EARLIER_BACKLOG)
    install(installed)
    waiting = erp.execute(
        "SELECT document, section, ids, place, fanout FROM projector.backlog ORDER BY 1, 3"
    ).fetchall()
    assert waiting == [
        ("order", "*", None, None, {"all": True}),
        ("product", "*", [1], 0, None),
        ("product", "pricing", [130], 2, None),
    ]
    indexes = "SELECT indexname FROM pg_indexes WHERE tablename = 'backlog' ORDER BY 1"
    assert erp.execute(indexes).fetchall() == [("backlog_fanouts",), ("backlog_places",)]


def test_a_section_that_a_version_defines_anew_is_rebuilt_and_nothing_else(
    projector: Projector, built: Settings, edited: Edit, erp_url: str, cache: "redis.Redis"
) -> None:
    """And a program of another version refuses to work, in a line that says what to do."""
    newer = edited("product/reviews.sql", "'average_rating', visible", "'average_rating', 1 + visible")
    refused = newer.each([("run",), ("rebuild",), ("verify",)])
    assert all("projector install" in answer.refusal() for answer in refused)
    for report in newer.each([("status",), ("check",)]):
        assert report.code == 1
        assert "projector install" in report.out
    before = read_hash(cache, "bff:product:1:complete")
    installation = newer("install")
    assert installation.code == 0
    assert "product.reviews" in installation.out
    queued = read_installation(erp_url)["backlog"]
    assert [(document, section) for document, _, section, _ in queued] == [("product", "reviews")]
    assert newer("rebuild", "--entity", "product").code == 0
    after = read_hash(cache, "bff:product:1:complete")
    assert {name for name in after if after[name] != before[name] and b"@" not in name} == {b"reviews"}
    assert "projector install" in projector("rebuild").refusal()


def test_a_kind_of_document_that_a_version_adds_is_built_in_place(
    projector: Projector, built: Settings, erp_url: str, cache: "redis.Redis", start: Start
) -> None:
    """And nothing else; the read API waits for it meanwhile."""
    before = read_hash(cache, "bff:product:1:complete")
    with psycopg.connect(erp_url, autocommit=True) as connection:  # as an earlier version left it
        connection.execute("DELETE FROM projector.section WHERE document = 'shop'")
        connection.execute("DROP VIEW projector.shop CASCADE")
    cache.delete(*cache.keys("bff:shop:*"))
    cache.hdel(STATE_KEY, "built:shop")
    assert projector("install").code == 0
    found = read_installation(erp_url)
    assert found["rebuilds"] == [("shop", "a new kind of document")]
    assert [(document, section) for document, _, section, _ in found["backlog"]] == [("shop", "*")]
    start("run")
    wait_until(lambda: cache.hget(STATE_KEY, "built:shop") == b"1", what="the shops are built")
    assert read_served(cache, "bff:shop:*") == read_fresh(erp_url, "shop")
    assert read_hash(cache, "bff:product:1:complete") == before
