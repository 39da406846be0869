-- What it costs today, and what it cost without the discount; it reads differently when a price list starts or ends.
-- route products.id
-- route product_prices.product_id
-- route pricing_lists.id -> SELECT product_id FROM product_prices WHERE pricing_list_id = ANY($1)
-- index product_prices (product_id)
-- index product_prices (pricing_list_id, product_id)
SELECT
    p.id,
    json_build_object(
        'price', price.price,
        'original_price', price.original_price,
        'discount', price.discount
    ) AS value,
    price.valid_until
FROM products p
JOIN projector.shared_price price ON price.id = p.id
WHERE p.is_active
