-- How many lines the customer's newest active cart has, and what they come to.
-- route customers.id
-- route carts.customer_id
-- route cart_items.cart_id -> SELECT customer_id FROM carts WHERE id = ANY($1)
-- index carts (customer_id)
-- index cart_items (cart_id)
-- empty {"items_count": 0, "total": 0}
SELECT
    c.id,
    json_build_object('items_count', held.count, 'total', held.total) AS value,
    NULL::timestamptz AS valid_until
FROM customers c
CROSS JOIN LATERAL (
    SELECT
        count(*) AS count,
        -- by way of text, which has the shortest digits of a binary number
        coalesce(sum(projector.finite(i.subtotal)::text::numeric), 0) AS total
    FROM (
        SELECT k.id
        FROM carts k
        WHERE k.customer_id = c.id AND k.is_active AND coalesce(upper(k.status::text), 'ACTIVE') = 'ACTIVE'
        ORDER BY k.created_at DESC NULLS LAST, k.id DESC
        LIMIT 1
    ) AS cart
    JOIN cart_items i ON i.cart_id = cart.id
) AS held
