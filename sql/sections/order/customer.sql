-- The customer of the order; every field is null where it has none.
-- route sales_orders.id
-- route customers.id -> SELECT o.id FROM sales_orders o WHERE o.customer_id = ANY($1)
-- index sales_orders (customer_id, created_at DESC NULLS LAST, id DESC)
SELECT
    o.id,
    json_build_object(
        'id', c.id,
        'name', c.name,
        'name_ar', c.name_ar,
        'phone', c.phone,
        'email', c.email,
        'address', c.address
    ) AS value,
    NULL::timestamptz AS valid_until
FROM sales_orders o
-- OFFSET 0: found by key, never by a hash of the whole table.
LEFT JOIN LATERAL (
    SELECT c.id, c.name, c.name_ar, c.phone, c.email, c.address
    FROM customers c
    WHERE c.id = o.customer_id
    OFFSET 0
) AS c ON true
