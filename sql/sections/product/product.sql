-- What the product is, with the name of its category.
-- route products.id
-- route categories.id -> SELECT id FROM products WHERE category_id = ANY($1)
-- index products (category_id, is_active, id)
SELECT
    p.id,
    json_build_object(
        'id', p.id,
        'name', p.name,
        'name_ar', p.name_ar,
        'sku', p.sku,
        'barcode', p.barcode,
        'description', p.description,
        'category', c.name,
        'category_id', p.category_id,
        'brand', p.brand,
        'unit', p.unit_of_measure,
        'weight', projector.finite(p.weight),
        'dimensions', p.dimensions::json,
        'is_active', p.is_active,
        'created_at', projector.instant(p.created_at)
    ) AS value,
    NULL::timestamptz AS valid_until
FROM products p
LEFT JOIN categories c ON c.id = p.category_id
