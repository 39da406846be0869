-- The URLs of its pictures, each once, in the order of the product's document. Found as product.images finds them: one
-- view for both would have to hand over an array, with which 500 of product.images take a sixth longer.
-- route products.id
SELECT
    p.id,
    gallery.list AS value,
    NULL::timestamptz AS valid_until
FROM products p
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(image.url ORDER BY image.place), '[]') AS list
    FROM (
        SELECT (array_agg(found.url ORDER BY found.place))[1] AS url, min(found.place) AS place
        FROM (
            SELECT to_json(main.url) AS url, main.url AS text, 0 AS place
            FROM (SELECT coalesce(nullif(p.cdn_image_url, ''), nullif(p.image_url, '')) AS url) AS main
            WHERE main.url IS NOT NULL
            UNION ALL
            SELECT element.url, decoded.text, element.place
            FROM json_array_elements(CASE WHEN json_typeof(p.images::json) = 'array' THEN p.images::json END)
                WITH ORDINALITY AS element (url, place)
            CROSS JOIN LATERAL (
                SELECT CASE
                    WHEN element.url::text LIKE '%\\u%' THEN projector.json_text(element.url)
                    ELSE element.url #>> '{}'
                END AS text
            ) AS decoded
            WHERE json_typeof(element.url) = 'string' AND decoded.text IS DISTINCT FROM ''
        ) AS found
        -- what PostgreSQL cannot decode is known by its escapes
        GROUP BY found.text COLLATE "C", CASE WHEN found.text IS NULL THEN found.url::text END
    ) AS image
) AS gallery
WHERE p.is_active
