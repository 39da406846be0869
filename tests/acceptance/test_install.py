"""projector install, and install again."""

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from projector.names import DOCUMENTS
from projector.settings import Settings
from tests.acceptance.catalog import is_untouched, read_erp, read_installation
from tests.acceptance.commands import Projector
from tests.acceptance.databases import PSQL, copy_of, pipe_into_psql
from tests.conftest import Postgres


def test_a_first_installation_queues_every_document(projector: Projector, erp_url: str) -> None:
    answer = projector("install")
    assert (answer.code, answer.err) == (0, "")
    assert "installed" in answer.out
    found = read_installation(erp_url)
    assert {document for document, _ in found["rebuilds"]} == set(DOCUMENTS)
    assert {(document, section) for document, _, section, _ in found["backlog"]} == {
        (document, "*") for document in DOCUMENTS
    }


def test_a_second_installation_changes_nothing(projector: Projector, built: Settings, erp_url: str) -> None:
    """Not even a trigger, which it would take a lock to make anew; and nothing is rebuilt."""
    before = read_installation(erp_url)
    assert before["backlog"] == before["rebuilds"] == []
    assert projector("install").code == 0
    assert read_installation(erp_url) == before


def test_the_erps_own_definitions_stay_as_they_are(projector: Projector, erp_url: str) -> None:
    """No table is altered or rewritten, no right granted, no function or trigger of the ERP's touched."""
    before = read_erp(erp_url)
    assert projector("install").code == 0
    assert read_erp(erp_url) == before


def test_a_dry_run_prints_sql_that_installs_the_same_elsewhere(
    projector: Projector, erp_url: str, postgres: Postgres
) -> None:
    with copy_of(postgres, erp_url) as twin_url:
        printed = projector("install", "--dry-run")
        assert (printed.code, printed.err) == (0, "")
        assert is_untouched(erp_url)
        with psycopg.connect(twin_url) as connection:
            connection.execute(printed.out.encode())
        assert projector("install").code == 0
        assert read_installation(twin_url, identity=False) == read_installation(erp_url, identity=False)
        assert projector("check", PROJECTOR_DATABASE_URL=twin_url).code == 0


@pytest.mark.skipif(not PSQL.exists(), reason="this build of the embedded PostgreSQL has no psql")
def test_what_a_dry_run_prints_can_be_piped_into_psql(projector: Projector, erp_url: str) -> None:
    """Whatever the name of the ERP's schema, statement by statement, without a warning."""
    with psycopg.connect(erp_url, autocommit=True) as connection:
        connection.execute('ALTER SCHEMA public RENAME TO "My ERP"; CREATE SCHEMA public')
    projector = projector.given(PROJECTOR_ERP_SCHEMA="My ERP")
    assert pipe_into_psql(erp_url, projector("install", "--dry-run").out) == ""
    assert projector("check").code == 0


def test_a_dry_run_on_an_installation_changes_nothing(projector: Projector, installed: Settings, erp_url: str) -> None:
    before = read_installation(erp_url)
    assert projector("install", "--dry-run").code == 0
    assert read_installation(erp_url) == before


def test_a_database_that_is_not_the_erps_is_refused_by_the_names_of_what_it_lacks(
    projector: Projector, postgres: Postgres, erp_url: str
) -> None:
    with postgres.fresh_database() as empty_url:
        line = projector("install", PROJECTOR_DATABASE_URL=empty_url).refusal()
        assert "products" in line
        assert "PROJECTOR_DATABASE_URL" in line
        assert is_untouched(empty_url)
    with psycopg.connect(erp_url, autocommit=True) as connection:
        connection.execute("DROP TABLE invoice_payments")
    line = projector("install").refusal()
    assert "invoice_payments" in line
    assert "sales_orders" not in line
    assert is_untouched(erp_url)


def test_a_column_that_the_erp_lacks_is_named_and_nothing_is_half_done(projector: Projector, erp_url: str) -> None:
    with psycopg.connect(erp_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE sales_items DROP COLUMN delivered_quantity")
    line = projector("install").refusal()
    assert "delivered_quantity" in line
    assert "order.items" in line
    assert is_untouched(erp_url)


def test_a_login_that_may_only_write_its_tables_goes_on_writing(installed: Settings, erp_url: str, role: str) -> None:
    """The ERP's own users need no right on anything of the projector's."""
    with psycopg.connect(erp_url, autocommit=True) as connection:
        connection.execute(SQL("GRANT SELECT, UPDATE, INSERT, DELETE ON products TO {}").format(Identifier(role)))
        connection.execute(SQL("SET ROLE {}").format(Identifier(role)))
        connection.execute("UPDATE products SET name = 'written by the ERP' WHERE id = 1")
        connection.execute("RESET ROLE")
        events = connection.execute("SELECT source, operation::text FROM projector.outbox").fetchall()
    assert events == [("products", "U")]
