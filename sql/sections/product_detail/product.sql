-- What a shopper reads about the product; of its specifications those that are known.
-- route products.id
-- route categories.id -> SELECT id FROM products WHERE category_id = ANY($1)
-- index products (category_id, is_active, id)
SELECT
    p.id,
    json_build_object(
        'id', p.id,
        'name', p.name,
        'name_ar', p.name_ar,
        'description', p.description,
        'specifications', specifications.known,
        'category', CASE WHEN c.id IS NOT NULL THEN json_build_object('id', c.id, 'name', c.name) END
    ) AS value,
    NULL::timestamptz AS valid_until
FROM products p
LEFT JOIN categories c ON c.id = p.category_id
CROSS JOIN LATERAL (
    SELECT coalesce(json_object_agg(it.name, it.value ORDER BY it.place), '{}') AS known
    FROM (
        VALUES
            (1, 'brand', to_json(p.brand)),
            (2, 'model', to_json(p.model)),
            (3, 'color', to_json(p.color)),
            (4, 'size', to_json(p.size)),
            (5, 'weight', to_json(projector.finite(p.weight))),
            (6, 'dimensions', p.dimensions::json),
            (7, 'unit', to_json(p.unit_of_measure))
    ) AS it (place, name, value)
    WHERE json_typeof(it.value) <> 'null'
) AS specifications
WHERE p.is_active
