-- What the customer still owes against what it may owe; it reads differently when an invoice falls overdue.
-- route customers.id
-- route sales_invoices.customer_id
-- route currencies.id -> SELECT id FROM customers
--   WHERE currency IS NULL
--   AND NOT EXISTS (SELECT FROM currencies WHERE is_base_currency AND id < (SELECT min(id) FROM unnest($1) AS id))
-- index customers (id) WHERE currency IS NULL
-- index sales_invoices (status, customer_id)
SELECT
    c.id,
    json_build_object(
        'balance', json_build_object(
            'total', owed.total,
            'overdue', owed.overdue,
            'current', owed.total - owed.overdue,
            'currency',
                coalesce(c.currency, (SELECT code FROM currencies WHERE is_base_currency ORDER BY id LIMIT 1))
        ),
        'credit', json_build_object(
            'limit', credit.ceiling,
            'used', owed.total,
            'available', greatest(0, credit.ceiling - owed.total),
            'percentage_used',
                CASE WHEN credit.ceiling = 0 THEN 0
                    ELSE round(projector.quotient(owed.total * 100, credit.ceiling), 2) END
        ),
        'payment_terms', CASE WHEN c.payment_terms <> 0 THEN 'Net ' || c.payment_terms ELSE 'Immediate' END,
        'risk_level', CASE
            WHEN owed.overdue > 0 THEN 'high'
            WHEN owed.total > credit.ceiling * 0.8 THEN 'medium'
            WHEN owed.total > credit.ceiling * 0.5 THEN 'low'
            ELSE 'minimal'
        END
    ) AS value,
    projector.midnight(owed.next_due_date + 1) AS valid_until
FROM customers c
CROSS JOIN LATERAL (SELECT coalesce(projector.finite(c.credit_limit), 0) AS ceiling) AS credit
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(CASE WHEN invoice.is_debit THEN invoice.owed ELSE -invoice.owed END), 0) AS total,
        coalesce(sum(invoice.owed) FILTER (
            WHERE invoice.is_debit AND invoice.due_date < (SELECT projector.today())
        ), 0) AS overdue,
        -- beyond the year 9999, and so at infinity, is never
        min(invoice.due_date) FILTER (
            WHERE invoice.is_debit
                AND invoice.due_date >= (SELECT projector.today()) AND invoice.due_date < '9999-12-31'
        ) AS next_due_date
    FROM unnest(ARRAY(
        -- the open statuses as the column spells them, one index probe each: it may be an enum, which cannot be
        -- indexed by upper(), or text in any case
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
            i.due_date,
            upper(i.invoice_type::text) <> 'CREDIT_NOTE' AS is_debit,
            coalesce(projector.finite(i.total_amount), 0) - coalesce(projector.finite(i.paid_amount), 0) AS owed
        FROM sales_invoices i
        WHERE i.status = open.status
            AND i.customer_id = c.id
            AND upper(i.invoice_type::text) IN ('SALES', 'DEBIT_NOTE', 'CREDIT_NOTE')
        OFFSET 0 -- one index probe a status: joined freely, the planner may read all the customer's invoices
    ) AS invoice
) AS owed
