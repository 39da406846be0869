-- What the salesperson sold in the period, and how the orders stand.
-- route users.id
-- route sales_orders.created_by
-- index sales_orders (created_by, created_at DESC NULLS LAST, id DESC)
SELECT
    d.id,
    period.range,
    json_build_object(
        'total_orders', sales.orders,
        'total_value', sales.value,
        'average_order_value', coalesce(round(projector.quotient(sales.value, nullif(sales.orders, 0)), 2), 0),
        'status_breakdown', sales.breakdown,
        'confirmed_orders', sales.confirmed,
        'pending_orders', sales.pending,
        'completed_orders', sales.completed
    ) AS value,
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
        coalesce(sum(s.orders) FILTER (WHERE s.stage <> 'CANCELLED'), 0) AS orders,
        coalesce(sum(s.value) FILTER (WHERE s.stage <> 'CANCELLED'), 0) AS value,
        coalesce(
            json_object_agg(s.status, s.orders ORDER BY s.status COLLATE "C") FILTER (WHERE s.status IS NOT NULL),
            '{}'
        ) AS breakdown,
        coalesce(sum(s.orders) FILTER (WHERE s.stage = 'CONFIRMED'), 0) AS confirmed,
        coalesce(sum(s.orders) FILTER (WHERE s.stage IN ('DRAFT', 'PENDING')), 0) AS pending,
        coalesce(sum(s.orders) FILTER (WHERE s.stage IN ('DELIVERED', 'COMPLETED')), 0) AS completed
    FROM (
        SELECT
            o.status,
            coalesce(upper(o.status::text), '') AS stage,
            count(*) AS orders,
            sum(projector.finite(o.total_amount)) AS value
        FROM sales_orders o
        WHERE o.created_by = d.id
            AND o.created_at >= period.starts
            -- No bound of an index: between two, everybody's orders of the period seem to be few.
            AND CASE WHEN o.created_at < period.ends THEN 1 END = 1
        GROUP BY o.status
    ) AS s
) AS sales
