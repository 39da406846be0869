-- The first six other active products of the category: the eighth and later ones show with no other product.
-- route products.id
-- route products.id, category_id -> SELECT p.id FROM unnest($2) AS category (id)
--   JOIN products p ON p.category_id = category.id
--   WHERE NOT EXISTS (SELECT FROM products s WHERE s.category_id = category.id AND s.is_active
--   AND s.id < (SELECT min(id) FROM unnest($1) AS id) OFFSET 6)
-- index products (category_id, is_active, id)
SELECT
    p.id,
    other.list AS value,
    NULL::timestamptz AS valid_until
FROM products p
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(row_to_json(item)), '[]') AS list
    FROM (
        SELECT
            s.id,
            s.name,
            s.sku,
            CASE
                WHEN s.cdn_image_url <> '' THEN to_json(s.cdn_image_url)
                WHEN s.image_url <> '' THEN to_json(s.image_url)
                ELSE (
                    SELECT element.url
                    FROM json_array_elements(CASE WHEN json_typeof(s.images::json) = 'array' THEN s.images::json END)
                        WITH ORDINALITY AS element (url, place)
                    WHERE json_typeof(element.url) = 'string' AND element.url::text <> '""'
                    ORDER BY element.place
                    LIMIT 1
                )
            END AS image
        FROM products s
        WHERE s.category_id = p.category_id AND s.is_active AND s.id <> p.id
        ORDER BY s.id
        LIMIT (SELECT 6) -- not a plain 6, for which the planner may sort the whole category
    ) AS item
) AS other
