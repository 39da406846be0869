-- What a shopper pays for one of a product today: the final price of the first entry of its default price list (as the
-- product's document lists them), else the unit price; with the unit price where it is higher, and the percentage off.
SELECT
    p.id,
    price.final AS price,
    CASE WHEN price.unit > price.final THEN price.unit END AS original_price,
    CASE WHEN price.unit > price.final AND price.unit > 0
        THEN round(projector.quotient((price.unit - price.final) * 100, price.unit), 2) END AS discount,
    projector.midnight(price.last_day + 1) AS valid_until
FROM products p
CROSS JOIN LATERAL (
    SELECT
        projector.finite(p.unit_price) AS unit,
        coalesce(
            (array_agg(entry.final ORDER BY entry.is_other, entry.list_id, entry.minimum_quantity, entry.id)
                FILTER (WHERE entry.has_started))[1],
            projector.finite(p.unit_price)
        ) AS final,
        -- beyond the year 9999, and so at infinity, is never
        min(entry.last_day) FILTER (WHERE entry.last_day < '9999-12-31') AS last_day
    FROM (
        SELECT
            l.id AS list_id,
            (l.price_list_type::text = 'retail') IS NOT TRUE AS is_other,
            x.minimum_quantity,
            x.id,
            -- * 0.01 and not / 100: a quotient would be rounded twice
            round(
                coalesce(projector.finite(x.price), 0)
                    * (100 - coalesce(projector.finite(x.discount_percentage), 0)) * 0.01, 2
            ) AS final,
            term.has_started,
            CASE WHEN term.has_started THEN l.valid_to ELSE l.valid_from - 1 END AS last_day
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
) AS price
