"""ERPs that differ from the reference: more of everything, less of what is optional, under another name."""

import psycopg
import pytest
import redis

from tests.acceptance.catalog import read_installation
from tests.acceptance.commands import Projector
from tests.acceptance.databases import CREATE_REVIEWS
from tests.acceptance.documents import read_field, read_fresh, read_served
from tests.conftest import Start
from tests.waiting import wait_until

OPTIONAL_TABLES = ("reviews", "customer_addresses", "cart_items", "carts", "promotions")
NO_REVIEWS = '{"items": [], "count": 0, "average_rating": null}'


@pytest.fixture
def without_optional_tables(erp_url: str) -> str:
    """An ERP that never had them."""
    with psycopg.connect(erp_url, autocommit=True) as connection:
        for table in OPTIONAL_TABLES:
            connection.execute(f"DROP TABLE {table}".encode())
    return erp_url


def test_more_tables_columns_and_triggers_of_the_erps_own_do_not_matter(
    projector: Projector, erp_url: str, cache: "redis.Redis"
) -> None:
    with psycopg.connect(erp_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA old_erp")
        connection.execute("CREATE TABLE old_erp.products (id text, everything_else xml)")
        connection.execute('CREATE TABLE "Order; Details" (id integer, "select" point)')
        for column in ('"Weird ""name""" json', "shape polygon", "tags_2 text[] DEFAULT '{}'", "note xml"):
            connection.execute(f"ALTER TABLE products ADD COLUMN {column}".encode())
        connection.execute(
            "ALTER TABLE customers ADD COLUMN twice numeric GENERATED ALWAYS AS (credit_limit * 2) STORED"
        )
        connection.execute("ALTER TABLE sales_orders DROP COLUMN internal_notes, ADD COLUMN internal_notes json")
        connection.execute(
            "CREATE TRIGGER own BEFORE UPDATE ON products FOR EACH ROW"
            " EXECUTE FUNCTION suppress_redundant_updates_trigger()"
        )
    _assert_works(projector, erp_url, cache)


def test_without_an_index_on_any_foreign_key_everything_works_and_check_only_warns(
    projector: Projector, plain_erp_url: str, cache: "redis.Redis"
) -> None:
    _assert_works(projector, plain_erp_url, cache)


def test_the_erps_tables_may_be_in_any_schema(
    projector: Projector, erp_url: str, cache: "redis.Redis", start: Start
) -> None:
    """Its name is taken as it is, and tables of the same names in `public` are not mistaken for it."""
    with psycopg.connect(erp_url, autocommit=True) as connection:
        connection.execute('ALTER SCHEMA public RENAME TO "My ""ERP"""')
        connection.execute("CREATE SCHEMA public; CREATE TABLE public.products (id integer)")
    projector = projector.given(PROJECTOR_ERP_SCHEMA='My "ERP"')
    _assert_works(projector, erp_url, cache)
    start("run", PROJECTOR_ERP_SCHEMA='My "ERP"').wait_for(r"\bready\b")
    with psycopg.connect(erp_url, autocommit=True) as connection:
        connection.execute('SET search_path = "My ""ERP"""')
        connection.execute("UPDATE branches SET name = 'Basra by the river' WHERE id = 1")
    wait_until(lambda: read_served(cache) == read_fresh(erp_url), 10, "Redis equals the views")


def test_without_optional_tables_their_sections_are_empty_and_install_says_so(
    projector: Projector, without_optional_tables: str, cache: "redis.Redis"
) -> None:
    answer = projector("install")
    assert (answer.code, answer.err) == (0, "")
    assert "product.reviews is empty, because this ERP has no table reviews" in answer.out
    assert projector("rebuild").code == 0
    products = read_served(cache, "bff:product:*:complete")
    assert products
    assert {document["reviews"] for document in products.values()} == {NO_REVIEWS}
    assert [answer.code for answer in projector.each([("check",), ("verify",)])] == [0, 0]


def test_an_optional_table_that_comes_later_is_turned_on_by_the_next_installation(
    projector: Projector, without_optional_tables: str, cache: "redis.Redis"
) -> None:
    """Which queues the rebuild of what it feeds, and nothing else."""
    projector("install")
    projector("rebuild")
    with psycopg.connect(without_optional_tables, autocommit=True) as connection:
        connection.execute(CREATE_REVIEWS)
    answer = projector("install")
    assert answer.code == 0
    assert "product.reviews" in answer.out
    assert "reviews is empty" not in answer.out
    queued = read_installation(without_optional_tables)["backlog"]
    assert [(document, section) for document, _, section, _ in queued] == [
        ("product", "reviews"),
        ("product_detail", "reviews"),
    ]
    assert projector("rebuild", "--entity", "product").code == 0
    assert '"title" : "first"' in read_field(cache, "bff:product:1:complete", "reviews")


def test_a_running_worker_follows_an_installation_that_turns_a_table_on(
    projector: Projector, without_optional_tables: str, cache: "redis.Redis", start: Start
) -> None:
    projector("install")
    worker = start("run")
    worker.wait_for(r"\bready\b")
    wait_until(lambda: read_field(cache, "bff:product:1:complete", "reviews") == NO_REVIEWS)
    with psycopg.connect(without_optional_tables, autocommit=True) as connection:
        connection.execute(CREATE_REVIEWS)
        assert projector("install").code == 0
        wait_until(lambda: '"first"' in read_field(cache, "bff:product:1:complete", "reviews"))
        connection.execute("UPDATE reviews SET title = 'second'")
    wait_until(lambda: '"second"' in read_field(cache, "bff:product:1:complete", "reviews"), 10, "the second title")


def _assert_works(projector: Projector, erp_url: str, cache: "redis.Redis") -> None:
    answer = projector("install")
    assert (answer.code, answer.err) == (0, "")
    assert projector("rebuild").code == 0
    assert read_served(cache) == read_fresh(erp_url)
    assert projector("check").code == 0
