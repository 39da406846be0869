-- The prices of the price lists that are valid today; it reads differently when one of them starts or ends.
-- route products.id
-- route product_prices.product_id
-- route pricing_lists.id -> SELECT product_id FROM product_prices WHERE pricing_list_id = ANY($1)
-- route currencies.id -> SELECT p.id FROM products p
--   WHERE EXISTS (SELECT FROM product_prices x WHERE x.product_id = p.id)
--   AND NOT EXISTS (SELECT FROM currencies WHERE is_base_currency AND id < (SELECT min(id) FROM unnest($1) AS id))
-- index product_prices (product_id)
-- index product_prices (pricing_list_id, product_id)
SELECT
    p.id,
    coalesce(pricing.list, '[]') AS value,
    projector.midnight(pricing.last_day + 1) AS valid_until
FROM products p
CROSS JOIN LATERAL (
    SELECT
        json_agg(
            json_build_object(
                'pricelist_id', entry.list_id,
                'pricelist_name', entry.list_name,
                'currency', (SELECT code FROM currencies WHERE is_base_currency ORDER BY id LIMIT 1),
                'price', entry.price,
                'discount_percentage', round(entry.discount, 2),
                -- * 0.01 and not / 100: a quotient would be rounded twice
                'final_price', round(coalesce(entry.price, 0) * (100 - coalesce(entry.discount, 0)) * 0.01, 2),
                'minimum_quantity', entry.minimum_quantity,
                'is_default', entry.list_id = entry.default_list_id
            )
            ORDER BY entry.list_id, entry.minimum_quantity, entry.id
        ) FILTER (WHERE entry.has_started) AS list,
        -- beyond the year 9999, and so at infinity, is never
        min(entry.last_day) FILTER (WHERE entry.last_day < '9999-12-31') AS last_day
    FROM (
        SELECT
            l.id AS list_id,
            l.name AS list_name,
            projector.finite(x.price) AS price,
            projector.finite(x.discount_percentage) AS discount,
            x.minimum_quantity,
            x.id,
            term.has_started,
            CASE WHEN term.has_started THEN l.valid_to ELSE l.valid_from - 1 END AS last_day,
            coalesce(
                min(l.id) FILTER (WHERE term.has_started AND l.price_list_type::text = 'retail') OVER (),
                min(l.id) FILTER (WHERE term.has_started) OVER ()
            ) AS default_list_id
        FROM product_prices x
        JOIN pricing_lists l ON l.id = x.pricing_list_id
        CROSS JOIN LATERAL (
            SELECT coalesce(l.valid_from <= (SELECT projector.today()), true) AS has_started
        ) AS term
        WHERE x.product_id = p.id
            AND l.is_active
            AND coalesce(l.valid_to >= (SELECT projector.today()), true)
            AND coalesce(l.valid_to >= l.valid_from, true)
    ) AS entry
) AS pricing
