-- The pictures, each URL once: the CDN's, else the plain one, then those of the array `images`.
-- route products.id
SELECT
    p.id,
    gallery.list AS value,
    NULL::timestamptz AS valid_until
FROM products p
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(row_to_json(item)), '[]') AS list
    FROM (
        SELECT image.url, image.url AS thumbnail, image.place = 0 AS is_primary, image.place AS "order"
        FROM (
            SELECT
                (array_agg(found.url ORDER BY found.place))[1] AS url,
                row_number() OVER (ORDER BY min(found.place)) - 1 AS place
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
        ORDER BY image.place
    ) AS item
) AS gallery
