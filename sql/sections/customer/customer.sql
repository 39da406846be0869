-- Who the customer is and which salesperson looks after it.
-- route customers.id
-- route users.id -> SELECT id FROM customers WHERE salesperson_id = ANY($1)
-- index customers (salesperson_id)
SELECT
    c.id,
    json_build_object(
        'id', c.id,
        'customer_code', c.customer_code,
        'name', c.name,
        'name_ar', c.name_ar,
        'company_name', c.company_name,
        'email', c.email,
        'phone', c.phone,
        'address', c.address,
        'city', c.city,
        'country', c.country,
        'tax_number', c.tax_number,
        'currency', c.currency,
        'salesperson', CASE WHEN u.id IS NOT NULL
            THEN json_build_object('id', u.id, 'name', u.name, 'phone', u.phone) END,
        'payment_terms', CASE WHEN c.payment_terms <> 0 THEN 'Net ' || c.payment_terms ELSE 'Immediate' END,
        'is_active', c.is_active,
        'created_at', projector.instant(c.created_at)
    ) AS value,
    NULL::timestamptz AS valid_until
FROM customers c
LEFT JOIN users u ON u.id = c.salesperson_id
