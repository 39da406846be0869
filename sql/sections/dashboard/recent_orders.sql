-- The salesperson's newest 10 orders, whatever the period.
-- route users.id
-- route sales_orders.created_by
-- route customers.id -> SELECT s.id
--     FROM (SELECT DISTINCT created_by AS id FROM sales_orders WHERE customer_id = ANY($1)) s
--     WHERE EXISTS (
--       SELECT FROM (
--         SELECT o.customer_id FROM sales_orders o WHERE o.created_by = s.id
--         ORDER BY o.created_at DESC NULLS LAST, o.id DESC LIMIT 10
--       ) newest
--       WHERE newest.customer_id = ANY($1))
-- index sales_orders (created_by, created_at DESC NULLS LAST, id DESC)
-- index sales_orders (customer_id, created_at DESC NULLS LAST, id DESC)
SELECT
    d.id,
    r.range,
    json_build_object('items', recent.items, 'count', recent.count) AS value,
    NULL::timestamptz AS valid_until
FROM projector.dashboard d
CROSS JOIN LATERAL (
    SELECT
        coalesce(json_agg(
            json_build_object(
                'id', o.id,
                'order_number', o.order_number,
                'customer_id', o.customer_id,
                'customer_name', (SELECT c.name FROM customers c WHERE c.id = o.customer_id),
                'total_amount', projector.finite(o.total_amount),
                'status', o.status,
                'created_at', projector.instant(o.created_at)
            )
            ORDER BY o.created_at DESC NULLS LAST, o.id DESC
        ), '[]') AS items,
        count(*) AS count
    FROM (
        SELECT o.id, o.order_number, o.customer_id, o.total_amount, o.status, o.created_at
        FROM sales_orders o
        WHERE o.created_by = d.id
        ORDER BY o.created_at DESC NULLS LAST, o.id DESC
        LIMIT 10
    ) AS o
) AS recent
CROSS JOIN (VALUES ('today'), ('week'), ('month')) AS r (range)
