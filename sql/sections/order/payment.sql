-- What the order's invoices that count (sales and debit notes, not cancelled) ask for, and what was paid of it.
-- route sales_orders.id
-- route sales_invoices.sales_order_id
-- route invoice_payments.sales_invoice_id -> SELECT i.sales_order_id FROM sales_invoices i
--     WHERE i.id = ANY($1) AND i.sales_order_id IS NOT NULL
--     AND upper(i.invoice_type::text) IN ('SALES', 'DEBIT_NOTE')
--     AND upper(i.status::text) IS DISTINCT FROM 'CANCELLED'
-- index sales_invoices (sales_order_id, created_at)
-- index invoice_payments (sales_invoice_id)
SELECT
    o.id,
    json_build_object(
        'has_invoice', i.invoices > 0,
        'invoice_id', newest.id,
        'invoice_number', newest.invoice_number,
        'invoice_date', projector.day(newest.invoice_date),
        'due_date', projector.day(newest.due_date),
        'status', newest.status,
        'total_amount', i.total,
        'paid_amount', p.paid,
        'balance', i.total - p.paid,
        'is_fully_paid', i.invoices > 0 AND i.total - p.paid <= 0,
        'collection_rate', CASE WHEN i.total = 0 THEN 0 ELSE round(projector.quotient(p.paid * 100, i.total), 2) END,
        'payments', p.list
    ) AS value,
    NULL::timestamptz AS valid_until
FROM sales_orders o
CROSS JOIN LATERAL (
    SELECT
        count(*) AS invoices,
        coalesce(sum(projector.finite(i.total_amount)), 0) AS total,
        array_agg(i.id ORDER BY i.created_at DESC NULLS LAST, i.id DESC) AS ids
    FROM sales_invoices i
    WHERE i.sales_order_id = o.id
        AND upper(i.invoice_type::text) IN ('SALES', 'DEBIT_NOTE')
        AND upper(i.status::text) IS DISTINCT FROM 'CANCELLED'
) AS i
-- OFFSET 0: found by key, never by a hash of the whole table.
LEFT JOIN LATERAL (
    SELECT n.id, n.invoice_number, n.invoice_date, n.due_date, n.status
    FROM sales_invoices n
    WHERE n.id = i.ids[1]
    OFFSET 0
) AS newest ON true
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(projector.finite(p.amount)), 0) AS paid,
        coalesce(json_agg(
            json_build_object(
                'id', p.id,
                'amount', projector.finite(p.amount),
                'payment_date', projector.day(p.payment_date),
                'payment_method', p.payment_method,
                'reference', p.reference_number
            )
            ORDER BY p.payment_date DESC NULLS LAST, p.id DESC
        ), '[]') AS list
    FROM invoice_payments p
    WHERE p.sales_invoice_id = ANY(i.ids)
) AS p
