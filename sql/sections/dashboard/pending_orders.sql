-- The salesperson's draft and pending orders, whatever the period: the newest 50, and the number and value of all.
-- route users.id
-- route sales_orders.created_by
-- route customers.id -> SELECT o.created_by FROM sales_orders o
--     WHERE o.customer_id = ANY($1) AND o.created_by IS NOT NULL
--     AND upper(o.status::text) IN ('DRAFT', 'PENDING')
-- index sales_orders (created_by, created_at DESC NULLS LAST, id DESC)
-- index sales_orders (created_by, created_at DESC NULLS LAST, id DESC)
--     WHERE upper(status::text) IN ('DRAFT', 'PENDING')
-- index sales_orders (customer_id, created_at DESC NULLS LAST, id DESC)
SELECT
    d.id,
    r.range,
    json_build_object(
        'items', pending.items,
        'count', every.count,
        'total_value', every.total_value
    ) AS value,
    -- Days beyond the year 9999 (which clients cannot hold) set no timer.
    CASE WHEN pending.counted_until < '9999-12-31'
        THEN projector.midnight(pending.counted_until + 1) END AS valid_until
FROM projector.dashboard d
CROSS JOIN LATERAL (
    SELECT
        count(*) AS count,
        coalesce(sum(projector.finite(o.total_amount)), 0) AS total_value
    FROM sales_orders o
    WHERE o.created_by = d.id AND upper(o.status::text) IN ('DRAFT', 'PENDING')
) AS every
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
                'created_at', projector.instant(o.created_at),
                'days_pending', greatest((SELECT projector.today()) - o.waits_since, 0)
            )
            ORDER BY o.created_at DESC NULLS LAST, o.id DESC
        ), '[]') AS items,
        min(greatest((SELECT projector.today()), o.waits_since)) FILTER (WHERE o.waits_since IS NOT NULL)
            AS counted_until
    FROM (
        SELECT
            o.id,
            o.order_number,
            o.customer_id,
            o.total_amount,
            o.status,
            o.created_at,
            projector.business_day(o.created_at) AS waits_since
        FROM sales_orders o
        WHERE o.created_by = d.id AND upper(o.status::text) IN ('DRAFT', 'PENDING')
        ORDER BY o.created_at DESC NULLS LAST, o.id DESC
        LIMIT 50
    ) AS o
) AS pending
CROSS JOIN (VALUES ('today'), ('week'), ('month')) AS r (range)
