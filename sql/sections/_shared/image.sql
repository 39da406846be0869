-- The URL of a product's first image, as JSON; null where it has none.
SELECT
    p.id,
    CASE
        WHEN p.cdn_image_url <> '' THEN to_json(p.cdn_image_url)
        WHEN p.image_url <> '' THEN to_json(p.image_url)
        ELSE (
            SELECT element.url
            FROM json_array_elements(CASE WHEN json_typeof(p.images::json) = 'array' THEN p.images::json END)
                WITH ORDINALITY AS element (url, place)
            WHERE json_typeof(element.url) = 'string' AND element.url::text <> '""'
            ORDER BY element.place
            LIMIT 1
        )
    END AS image
FROM products p
