"""A section that is found in one way for one document and in another for many reads the same in both."""

import psycopg

from projector.settings import Settings

_LONELY = 999_001
_READ = "SELECT id, range, value::text FROM projector.dashboard_payment_collection WHERE id = ANY (%s) ORDER BY 1, 2"


def test_a_dashboard_reads_the_same_beside_many_and_alone(installed: Settings, erp: psycopg.Connection) -> None:
    """Alone it is found by its own few orders, beside many by the invoices of the company's month."""
    erp.execute("INSERT INTO users (id, name, is_salesperson) VALUES (%s, 'lonely', true)", (_LONELY,))
    erp.execute(
        "UPDATE sales_orders SET created_by = %s WHERE id IN (SELECT sales_order_id FROM sales_invoices"
        " WHERE created_at > now() - interval '20 days' ORDER BY id LIMIT 5)",
        (_LONELY,),
    )
    ids = [id_ for (id_,) in erp.execute("SELECT id FROM projector.dashboard")]
    found = {asked: _read(erp, asked, ids) for asked in (1, 10**6)}
    assert found[1] == found[10**6]
    assert len(found[1]) == 3 * len(ids)
    assert '"invoice_count":0' not in next(row[2] for row in found[1] if row[:2] == (_LONELY, "month")).replace(" ", "")
    assert (_reads_the_month(erp, 1), _reads_the_month(erp, 10**6)) == (False, True)


def _ask(erp: psycopg.Connection, asked: int) -> None:
    erp.execute("SELECT set_config('projector.asked', %s, false)", (str(asked),))


def _read(erp: psycopg.Connection, asked: int, ids: list[int]) -> list[tuple[int, str, str]]:
    _ask(erp, asked)
    return erp.execute(_READ, (ids,)).fetchall()


def _reads_the_month(erp: psycopg.Connection, asked: int) -> bool:
    _ask(erp, asked)
    plan = "\n".join(line for (line,) in erp.execute(f"EXPLAIN (ANALYZE, COSTS off) {_READ}", ([_LONELY],)))
    assert "CTE Scan on month" in plan
    return "CTE Scan on month m (never executed)" not in plan
