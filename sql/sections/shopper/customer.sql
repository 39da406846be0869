-- Whom the shop greets.
-- route customers.id
SELECT
    c.id,
    json_build_object('id', c.id, 'name', c.name, 'phone', c.phone) AS value,
    NULL::timestamptz AS valid_until
FROM customers c
