"""Capture that cannot do its work: the ERP goes on, nothing is lost, and somebody is told."""

import psycopg
import pytest
import redis

from projector.install import install
from projector.settings import Settings
from tests.conftest import Start
from tests.properties.judgement import judge, wait_for_empty_queues
from tests.waiting import wait_until

RENAME = "ALTER TABLE customers RENAME COLUMN city TO town"


def _outbox(erp: psycopg.Connection) -> list[tuple]:
    return erp.execute("SELECT source, operation::text, fault FROM projector.outbox").fetchall()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE customers SET name = 'renamed' WHERE id = 1",
        "UPDATE customers SET name = 'renamed' WHERE id < 10",
        "UPDATE customers SET credit_limit = 1 WHERE id = 2",
    ],
)
def test_an_update_of_a_table_with_a_renamed_column_goes_on_and_says_that_anything_may_have_changed(
    statement: str, installed: Settings, erp: psycopg.Connection
) -> None:
    erp.execute(RENAME)
    erp.execute(statement)
    ((source, operation, fault),) = _outbox(erp)
    assert (source, operation) == ("customers", "X")
    assert "city" in fault


def test_inserts_and_deletes_survive_the_loss_of_a_key_column(installed: Settings, erp: psycopg.Connection) -> None:
    erp.execute("ALTER TABLE cart_items RENAME COLUMN id TO number")
    erp.execute("ALTER TABLE customers RENAME COLUMN salesperson_id TO seller_id")
    erp.execute("INSERT INTO customers (name) VALUES ('new')")
    assert [row[:2] for row in _outbox(erp)] == [("customers", "X")]


def test_documents_stay_right_while_a_column_is_renamed_and_install_mends_capture(
    installed: Settings, start: Start, erp: psycopg.Connection, redis_url: str
) -> None:
    """The views follow the new name; the triggers do not, and rebuild everything until `install` has run."""
    worker = start("run")
    worker.wait_for(r"\bready\b")
    wait_for_empty_queues(erp)
    erp.execute(RENAME)
    erp.execute("UPDATE customers SET town = 'Mosul', name = 'moved' WHERE id = 1")
    with redis.Redis.from_url(redis_url) as client:
        wait_until(lambda: b"Mosul" in (client.hget("bff:customer:1:complete", "customer") or b""), what="the new city")
    worker.wait_for(r"cannot tell what changed.* table=customers error=.*city")
    assert erp.execute("SELECT source FROM projector.capture_fault").fetchall() == [("customers",)]
    status = start("status")
    assert status.process.wait(30) == 1
    assert "customers" in status.output()
    assert "projector install" in status.output()
    erp.execute("ALTER TABLE customers RENAME COLUMN town TO city")
    install(installed)
    assert erp.execute("SELECT count(*) FROM projector.capture_fault").fetchone() == (0,)
    erp.execute("UPDATE customers SET city = 'Basra' WHERE id = 1")
    address = start("serve", "--port", "0").wait_for(r"Listening on (http://\S+)")[1]
    judge(erp, address)


def test_a_statement_whose_event_cannot_be_written_fails_and_names_the_projector(
    installed: Settings, erp: psycopg.Connection
) -> None:
    """Losing the event would be worse. Pausing gets the ERP going at once."""
    erp.execute("ALTER TABLE projector.outbox RENAME TO elsewhere")
    with pytest.raises(psycopg.errors.UndefinedTable, match=r"projector\.outbox") as raised:
        erp.execute("UPDATE products SET name = 'lost' WHERE id = 1")
    assert "capture_products_update" in (raised.value.diag.context or "")
    erp.execute("SELECT projector.pause()")
    erp.execute("UPDATE products SET name = 'saved' WHERE id = 1")


def test_a_cancelled_statement_is_cancelled(installed: Settings, erp: psycopg.Connection) -> None:
    """The trigger's own handler must not swallow a cancellation or a time-out."""
    erp.execute("SET statement_timeout = '150ms'")
    with pytest.raises(psycopg.errors.QueryCanceled):
        erp.execute(
            "UPDATE products SET name = name || (SELECT count(*) FROM generate_series(1, 3000000) AS g WHERE g > id)"
        )
    assert _outbox(erp) == []


def test_pausing_waits_for_nobody_and_resuming_reconciles(
    installed: Settings, start: Start, erp: psycopg.Connection, erp_url: str
) -> None:
    """Nothing is captured while it is paused, also of a transaction that commits after it was resumed."""
    worker = start("run")
    worker.wait_for(r"\bready\b")
    wait_for_empty_queues(erp)
    with psycopg.connect(erp_url) as busy, psycopg.connect(erp_url) as late:
        busy.execute("UPDATE products SET name = 'captured' WHERE id = 1")
        assert start("pause").process.wait(30) == 0
        late.execute("UPDATE products SET name = 'late' WHERE id = 2")
        late.execute("DELETE FROM sales_items WHERE id = 3")
        erp.execute("UPDATE customers SET name = 'unseen' WHERE id = 3")
        assert start("resume").process.wait(30) == 0
        busy.commit()
        # The first reconciliation is through before the late transaction commits.
        wait_until(lambda: _built_anew(erp), what="everything rebuilt")
        late.commit()
    address = start("serve", "--port", "0").wait_for(r"Listening on (http://\S+)")[1]
    wait_until(lambda: erp.execute("SELECT FROM projector.reconciliation").rowcount == 0, what="reconciled")
    judge(erp, address)


def _built_anew(erp: psycopg.Connection) -> bool:
    row = erp.execute(
        "SELECT NOT EXISTS (SELECT FROM projector.rebuild) AND NOT EXISTS (SELECT FROM projector.backlog)"
    ).fetchone()
    return row == (True,)


def test_a_paused_capture_is_a_problem_that_status_tells(
    installed: Settings, start: Start, erp: psycopg.Connection
) -> None:
    erp.execute("SELECT projector.pause()")
    status = start("status")
    assert status.process.wait(30) == 1
    assert "projector resume" in status.output()
