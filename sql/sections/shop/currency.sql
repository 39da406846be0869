-- The currency of prices.
-- route branches.id -> SELECT unnest($1)
-- route currencies -> SELECT id FROM projector.shop
SELECT
    s.id,
    coalesce(to_json((SELECT code FROM currencies WHERE is_base_currency ORDER BY id LIMIT 1)), 'null') AS value,
    NULL::timestamptz AS valid_until
FROM projector.shop s
