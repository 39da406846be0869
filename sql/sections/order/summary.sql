-- The order at a glance: what is paid, what is delivered, how long it has waited.
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
        'status', o.status,
        'created_at', projector.instant(o.created_at),
        'total_amount', projector.finite(o.total_amount),
        'is_paid', i.invoices > 0 AND i.total - i.paid <= 0,
        'is_delivered', coalesce(upper(o.status::text) IN ('DELIVERED', 'COMPLETED'), false),
        'collection_rate', CASE WHEN i.total = 0 THEN 0 ELSE round(projector.quotient(i.paid * 100, i.total), 2) END,
        'days_pending', greatest((SELECT projector.today()) - o.waits_since, 0)
    ) AS value,
    -- Days beyond the year 9999 (which clients cannot hold) set no timer.
    CASE WHEN o.waits_since < '9999-12-31'
        THEN projector.midnight(greatest((SELECT projector.today()), o.waits_since) + 1) END AS valid_until
FROM (
    SELECT
        id,
        status,
        created_at,
        total_amount,
        CASE WHEN upper(status::text) IN ('DRAFT', 'PENDING', 'CONFIRMED')
            THEN projector.business_day(created_at) END AS waits_since
    FROM sales_orders
) AS o
CROSS JOIN LATERAL (
    SELECT
        count(*) AS invoices,
        coalesce(sum(projector.finite(i.total_amount)), 0) AS total,
        coalesce(sum(p.paid), 0) AS paid
    FROM sales_invoices i
    CROSS JOIN LATERAL (
        SELECT sum(projector.finite(p.amount)) AS paid
        FROM invoice_payments p
        WHERE p.sales_invoice_id = i.id
    ) AS p
    WHERE i.sales_order_id = o.id
        AND upper(i.invoice_type::text) IN ('SALES', 'DEBIT_NOTE')
        AND upper(i.status::text) IS DISTINCT FROM 'CANCELLED'
) AS i
