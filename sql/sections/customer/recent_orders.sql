-- The customer's ten newest orders and what they come to.
-- route customers.id
-- route sales_orders.customer_id
-- route sales_items.sales_order_id -> SELECT customer_id FROM sales_orders WHERE id = ANY($1)
-- index sales_orders (customer_id, created_at DESC NULLS LAST, id DESC)
-- index sales_items (sales_order_id)
SELECT
    c.id,
    json_build_object(
        'items', newest.items,
        'count', newest.count,
        'total_value', newest.total_value
    ) AS value,
    NULL::timestamptz AS valid_until
FROM customers c
CROSS JOIN LATERAL (
    SELECT
        coalesce(json_agg(row_to_json(item)), '[]') AS items,
        count(*) AS count,
        coalesce(sum(item.total), 0) AS total_value
    FROM (
        SELECT
            o.id,
            o.order_number,
            projector.instant(o.created_at) AS date,
            projector.finite(o.total_amount) AS total,
            o.status,
            (SELECT count(*) FROM sales_items i WHERE i.sales_order_id = o.id) AS items_count
        FROM sales_orders o
        WHERE o.customer_id = c.id
        ORDER BY o.created_at DESC NULLS LAST, o.id DESC
        LIMIT (SELECT 10) -- not a plain 10, for which the planner may sort all the customer's orders
    ) AS item
) AS newest
