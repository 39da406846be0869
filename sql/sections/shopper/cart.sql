-- The lines of the customer's newest active cart, by id, and what they come to; names, images and stock are the
-- products' own documents.
-- route customers.id
-- route carts.customer_id
-- route cart_items.cart_id -> SELECT customer_id FROM carts WHERE id = ANY($1)
-- index carts (customer_id)
-- index cart_items (cart_id)
-- empty {"items": [], "subtotal": 0, "promo_code": null}
SELECT
    c.id,
    json_build_object(
        'items', held.items,
        'subtotal', held.subtotal,
        'promo_code', cart.promo_code
    ) AS value,
    NULL::timestamptz AS valid_until
FROM customers c
LEFT JOIN LATERAL (
    SELECT k.id, nullif(k.promo_code, '') AS promo_code
    FROM carts k
    WHERE k.customer_id = c.id AND k.is_active AND coalesce(upper(k.status::text), 'ACTIVE') = 'ACTIVE'
    ORDER BY k.created_at DESC NULLS LAST, k.id DESC
    LIMIT 1
) AS cart ON true
CROSS JOIN LATERAL (
    SELECT
        coalesce(json_agg(row_to_json(item)), '[]') AS items,
        coalesce(sum(item.subtotal), 0) AS subtotal
    FROM (
        SELECT
            i.id,
            i.product_id,
            i.quantity,
            -- by way of text, which has the shortest digits of a binary number
            projector.finite(i.unit_price)::text::numeric AS price,
            projector.finite(i.subtotal)::text::numeric AS subtotal
        FROM cart_items i
        WHERE i.cart_id = cart.id
        ORDER BY i.id
    ) AS item
) AS held
