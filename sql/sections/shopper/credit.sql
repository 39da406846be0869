-- How much the customer may still owe, by the rules of customer.financial.
-- route customers.id
-- route sales_invoices.customer_id
-- index sales_invoices (status, customer_id)
SELECT
    c.id,
    json_build_object('limit', credit.ceiling, 'available', greatest(0, credit.ceiling - owed.total)) AS value,
    NULL::timestamptz AS valid_until
FROM customers c
CROSS JOIN LATERAL (SELECT coalesce(projector.finite(c.credit_limit), 0) AS ceiling) AS credit
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(CASE WHEN invoice.is_debit THEN invoice.owed ELSE -invoice.owed END), 0) AS total
    FROM unnest(ARRAY(
        -- the open statuses as the column spells them, one index probe each
        WITH RECURSIVE stored (status) AS (
            SELECT min(status) FROM sales_invoices
            UNION ALL
            SELECT (SELECT min(i.status) FROM sales_invoices i WHERE i.status > stored.status)
            FROM stored
            WHERE stored.status IS NOT NULL
        )
        SELECT stored.status
        FROM stored
        WHERE upper(stored.status::text) IN ('PENDING', 'PARTIALLY_PAID', 'OVERDUE')
    )) AS open (status)
    CROSS JOIN LATERAL (
        SELECT
            upper(i.invoice_type::text) <> 'CREDIT_NOTE' AS is_debit,
            coalesce(projector.finite(i.total_amount), 0) - coalesce(projector.finite(i.paid_amount), 0) AS owed
        FROM sales_invoices i
        WHERE i.status = open.status
            AND i.customer_id = c.id
            AND upper(i.invoice_type::text) IN ('SALES', 'DEBIT_NOTE', 'CREDIT_NOTE')
        OFFSET 0 -- one index probe a status: joined freely, the planner may read all the customer's invoices
    ) AS invoice
) AS owed
