-- A product as a list of the home page shows it, and until when its price stands.
SELECT
    p.id,
    json_build_object(
        'id', p.id,
        'name', p.name,
        'name_ar', p.name_ar,
        'price', price.price,
        'image', image.image,
        'in_stock', true,
        'discount', price.discount
    ) AS card,
    price.valid_until
FROM products p
-- OFFSET 0: found by key, never by a hash of the whole table
CROSS JOIN LATERAL (
    SELECT it.price, it.discount, it.valid_until FROM projector.shared_price it WHERE it.id = p.id OFFSET 0
) AS price
CROSS JOIN LATERAL (
    SELECT it.image FROM projector.shared_image it WHERE it.id = p.id OFFSET 0
) AS image
