-- The five products of which the salesperson sold the most value in the period.
-- route users.id
-- route sales_orders.created_by
-- route sales_items.sales_order_id -> SELECT o.created_by FROM sales_orders o
--     WHERE o.id = ANY($1) AND o.created_by IS NOT NULL
--     AND o.created_at >= projector.midnight(projector.today() - 30)
--     AND o.created_at < projector.midnight(projector.today() + 2)
--     AND upper(o.status::text) IS DISTINCT FROM 'CANCELLED'
-- route products.id -> SELECT DISTINCT o.created_by
--     FROM sales_items i JOIN sales_orders o ON o.id = i.sales_order_id
--     WHERE i.product_id = ANY($1) AND o.created_by IS NOT NULL
--     AND o.created_at >= projector.midnight(projector.today() - 30)
--     AND o.created_at < projector.midnight(projector.today() + 2)
--     AND upper(o.status::text) IS DISTINCT FROM 'CANCELLED'
-- index sales_orders (created_by, created_at DESC NULLS LAST, id DESC)
-- index sales_items (sales_order_id)
-- index sales_items (product_id)
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
                'id', p.id,
                'name', p.name,
                'sku', p.sku,
                'quantity_sold', s.quantity,
                'total_value', s.value
            )
            ORDER BY s.value DESC, p.id
        ), '[]') AS items,
        count(*) AS count
    FROM (
        SELECT
            i.product_id,
            coalesce(sum(projector.finite(i.quantity)), 0) AS quantity,
            coalesce(sum(projector.finite(i.line_total)), 0) AS value
        FROM sales_orders o
        JOIN sales_items i ON i.sales_order_id = o.id
        WHERE o.created_by = d.id
            AND o.created_at >= period.starts
            -- No bound of an index: between two, everybody's orders of the period seem to be few.
            AND CASE WHEN o.created_at < period.ends THEN 1 END = 1
            AND upper(o.status::text) IS DISTINCT FROM 'CANCELLED'
            AND i.product_id IS NOT NULL
        GROUP BY i.product_id
        ORDER BY value DESC, i.product_id
        LIMIT 5
    ) AS s
    JOIN products p ON p.id = s.product_id
) AS top
