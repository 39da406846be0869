-- The customer's hundred newest orders of all and of each status: enough for any limit, with any status or none.
-- route customers.id
-- route sales_orders.customer_id
-- route sales_items.sales_order_id -> SELECT customer_id FROM sales_orders WHERE id = ANY($1)
-- index sales_orders (customer_id, created_at DESC NULLS LAST, id DESC)
-- index sales_orders (customer_id, upper(status::text), created_at DESC NULLS LAST, id DESC)
-- index sales_items (sales_order_id)
SELECT
    c.id,
    json_build_object('orders', history.orders) AS value,
    NULL::timestamptz AS valid_until
FROM customers c
CROSS JOIN LATERAL (
    -- LIMIT (SELECT 100), not a plain 100: expecting the few orders of an average customer the planner would sort
    -- them all; a limit that it cannot see makes it walk the index in order, which suits a customer's million too
    WITH RECURSIVE newest AS (
        SELECT o.id, o.order_number, o.created_at, o.status, o.total_amount
        FROM sales_orders o
        WHERE o.customer_id = c.id
        ORDER BY o.created_at DESC NULLS LAST, o.id DESC
        LIMIT (SELECT 100)
    ),
    -- one index probe a status; none where the newest hundred are all there is
    known (status) AS (
        SELECT min(upper(o.status::text))
        FROM sales_orders o
        WHERE o.customer_id = c.id AND (SELECT count(*) FROM newest) = 100
        UNION ALL
        SELECT (
            SELECT min(upper(o.status::text))
            FROM sales_orders o
            WHERE o.customer_id = c.id AND upper(o.status::text) > known.status
        )
        FROM known
        WHERE known.status IS NOT NULL
    )
    SELECT coalesce(json_agg(row_to_json(item)), '[]') AS orders
    FROM (
        SELECT
            o.id,
            o.order_number,
            projector.instant(o.created_at) AS order_date,
            o.status,
            projector.finite(o.total_amount) AS total_amount,
            (SELECT count(*) FROM sales_items i WHERE i.sales_order_id = o.id) AS items_count
        FROM (
            SELECT newest.id, newest.order_number, newest.created_at, newest.status, newest.total_amount
            FROM newest
            UNION
            SELECT o.id, o.order_number, o.created_at, o.status, o.total_amount
            FROM known
            CROSS JOIN LATERAL (
                SELECT o.id, o.order_number, o.created_at, o.status, o.total_amount
                FROM sales_orders o
                WHERE o.customer_id = c.id AND upper(o.status::text) = known.status
                ORDER BY o.created_at DESC NULLS LAST, o.id DESC
                LIMIT (SELECT 100)
            ) AS o
        ) AS o
        ORDER BY o.created_at DESC NULLS LAST, o.id DESC
    ) AS item
) AS history
