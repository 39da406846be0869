-- What was invoiced in the period on the salesperson's orders, of any age and status, and what was collected of it.
-- route users.id
-- route sales_orders.created_by
-- route sales_invoices.sales_order_id -> SELECT o.created_by FROM sales_orders o
--     WHERE o.id = ANY($1) AND o.created_by IS NOT NULL
-- index sales_orders (created_by, created_at DESC NULLS LAST, id DESC)
-- index sales_invoices (created_at)
-- index sales_invoices (sales_order_id, created_at)
WITH month AS MATERIALIZED (
    SELECT o.created_by, array_agg(i.id) AS invoices
    FROM sales_invoices i
    CROSS JOIN LATERAL (SELECT o.created_by FROM sales_orders o WHERE o.id = i.sales_order_id OFFSET 0) AS o
    WHERE i.created_at >= projector.midnight(projector.today() - 29)
        AND i.created_at < projector.midnight(projector.today() + 1)
    GROUP BY o.created_by
),
share AS MATERIALIZED (
    -- how many orders cost as much as each dashboard's part in reading that month: an order has to be looked up, which
    -- takes four times as long as an invoice in passing; counted no further than it matters
    SELECT count(*) / (4 * projector.asked()) AS orders
    FROM (
        SELECT
        FROM sales_invoices i
        WHERE i.created_at >= projector.midnight(projector.today() - 29)
            AND i.created_at < projector.midnight(projector.today() + 1)
        LIMIT 20000 * projector.asked()
    ) AS i
)
SELECT
    d.id,
    period.range,
    json_build_object(
        'invoice_count', i.invoices,
        'total_invoiced', i.total,
        'total_collected', i.paid,
        'outstanding', i.total - i.paid,
        'collection_rate', CASE WHEN i.total = 0 THEN 0 ELSE round(projector.quotient(i.paid * 100, i.total), 2) END
    ) AS value,
    period.ends AS valid_until
FROM projector.dashboard d
-- Neither a long history nor many colleagues may make it dear. A salesperson is answered from the orders of a lifetime
-- or from the invoices that everybody had in the longest period, whichever costs less; the latter are read at most once a
-- query, however many dashboards it builds. OFFSET 0 holds the planner to the indexes that each way is meant for.
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN EXISTS (SELECT FROM sales_orders o WHERE o.created_by = d.id OFFSET (SELECT orders FROM share))
            THEN (SELECT m.invoices FROM month m WHERE m.created_by = d.id)
        ELSE ARRAY(
            SELECT i.id
            FROM sales_orders o
            CROSS JOIN LATERAL (
                SELECT i.id
                FROM sales_invoices i
                WHERE i.sales_order_id = o.id
                    AND i.created_at >= (SELECT projector.midnight(projector.today() - 29)) -- once, not once an order
                    AND i.created_at < (SELECT projector.midnight(projector.today() + 1))
                OFFSET 0
            ) AS i
            WHERE o.created_by = d.id
        )
    END AS invoices
    OFFSET 0
) AS own
CROSS JOIN (
    SELECT
        range,
        projector.midnight(projector.today() - days) AS starts,
        projector.midnight(projector.today() + 1) AS ends
    FROM (VALUES ('today', 0), ('week', 6), ('month', 29)) AS ranges (range, days)
    OFFSET 0 -- evaluated once, not once a row
) AS period
CROSS JOIN LATERAL (
    SELECT
        count(*) AS invoices,
        coalesce(sum(projector.finite(i.total_amount)), 0) AS total,
        coalesce(sum(projector.finite(i.paid_amount)), 0) AS paid
    FROM sales_invoices i
    WHERE i.id = ANY(own.invoices)
        AND i.created_at >= period.starts
        AND upper(i.invoice_type::text) IN ('SALES', 'DEBIT_NOTE')
        AND coalesce(upper(i.status::text), '') NOT IN ('CANCELLED', 'DRAFT')
) AS i
