-- The five customers who bought most from the salesperson in the period.
-- route users.id
-- route sales_orders.created_by
-- route customers.id -> SELECT o.created_by FROM sales_orders o
--     WHERE o.customer_id = ANY($1) AND o.created_by IS NOT NULL
--     AND o.created_at >= projector.midnight(projector.today() - 30)
--     AND o.created_at < projector.midnight(projector.today() + 2)
--     AND upper(o.status::text) IS DISTINCT FROM 'CANCELLED'
-- index sales_orders (created_by, created_at DESC NULLS LAST, id DESC)
-- index sales_orders (customer_id, created_at DESC NULLS LAST, id DESC)
SELECT
    d.id,
    period.range,
    json_build_object('items', top.items, 'count', top.count) AS value,
    period.ends AS valid_until
FROM projector.dashboard d
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
        coalesce(json_agg(
            json_build_object(
                'id', c.id,
                'name', c.name,
                'order_count', s.orders,
                'total_value', s.value
            )
            ORDER BY s.value DESC, c.id
        ), '[]') AS items,
        count(*) AS count
    FROM (
        SELECT
            o.customer_id,
            count(*) AS orders,
            coalesce(sum(projector.finite(o.total_amount)), 0) AS value
        FROM sales_orders o
        WHERE o.created_by = d.id
            AND o.created_at >= period.starts
            -- No bound of an index: between two, everybody's orders of the period seem to be few.
            AND CASE WHEN o.created_at < period.ends THEN 1 END = 1
            AND upper(o.status::text) IS DISTINCT FROM 'CANCELLED'
            AND o.customer_id IS NOT NULL
        GROUP BY o.customer_id
        ORDER BY value DESC, o.customer_id
        LIMIT 5
    ) AS s
    JOIN customers c ON c.id = s.customer_id
) AS top
