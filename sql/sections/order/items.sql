-- The lines of the order with the products they name, and their total.
-- route sales_orders.id
-- route sales_items.sales_order_id
-- route products.id -> SELECT i.sales_order_id FROM sales_items i
--     WHERE i.product_id = ANY($1) AND i.sales_order_id IS NOT NULL
-- index sales_items (sales_order_id)
-- index sales_items (product_id)
SELECT
    o.id,
    json_build_object(
        'list', coalesce(items.list, '[]'),
        'count', items.count,
        'total_value', coalesce(items.total_value, 0)
    ) AS value,
    NULL::timestamptz AS valid_until
FROM sales_orders o
CROSS JOIN LATERAL (
    SELECT
        json_agg(
            json_build_object(
                'id', i.id,
                'product_id', i.product_id,
                'product_name', p.name,
                'product_name_ar', p.name_ar,
                'product_sku', p.sku,
                'quantity', projector.finite(i.quantity),
                'unit_price', projector.finite(i.unit_price),
                'discount_percentage', round(projector.finite(i.discount_percentage), 2),
                'discount_amount', projector.finite(i.discount_amount),
                'line_total', projector.finite(i.line_total),
                'delivered_quantity', projector.finite(i.delivered_quantity),
                'notes', i.notes
            )
            ORDER BY i.id
        ) AS list,
        count(*) AS count,
        sum(projector.finite(i.line_total)) AS total_value
    FROM sales_items i
    -- OFFSET 0: found by key, never by a hash of the whole table.
    LEFT JOIN LATERAL (
        SELECT p.name, p.name_ar, p.sku
        FROM products p
        WHERE p.id = i.product_id
        OFFSET 0
    ) AS p ON true
    WHERE i.sales_order_id = o.id
) AS items
