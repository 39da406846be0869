-- Where the customer wants things sent: the default address first.
-- route customers.id
-- route customer_addresses.customer_id
-- index customer_addresses (customer_id)
-- empty []
SELECT
    c.id,
    coalesce(active.list, '[]') AS value,
    NULL::timestamptz AS valid_until
FROM customers c
CROSS JOIN LATERAL (
    SELECT json_agg(
        json_build_object(
            'id', a.id,
            'label', a.label,
            'full_name', a.full_name,
            'phone', a.phone,
            'address_line1', a.address_line1,
            'address_line2', a.address_line2,
            'city', a.city,
            'country', a.country,
            'is_default', a.is_default_shipping
        )
        ORDER BY a.is_default_shipping IS TRUE DESC, a.id
    ) AS list
    FROM customer_addresses a
    WHERE a.customer_id = c.id AND a.is_active AND a.is_deleted IS NOT TRUE
) AS active
