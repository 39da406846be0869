-- The customer's name alone, which heads the answer with the finances.
-- route customers.id
SELECT
    c.id,
    coalesce(to_json(c.name), 'null') AS value,
    NULL::timestamptz AS valid_until
FROM customers c
