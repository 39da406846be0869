-- The newest reviews that anybody may see, with the number and the average rating of all of them.
-- route products.id
-- route reviews.product_id
-- index reviews (product_id, created_at DESC NULLS LAST, id DESC)
-- empty {"items": [], "count": 0, "average_rating": null}
SELECT
    p.id,
    json_build_object(
        'items', coalesce(visible.newest, '[]'),
        'count', visible.count,
        'average_rating', visible.average_rating
    ) AS value,
    NULL::timestamptz AS valid_until
FROM products p
CROSS JOIN LATERAL (
    SELECT
        json_agg(
            json_build_object(
                'id', review.id,
                'rating', review.rating,
                'title', review.title,
                'comment', review.comment,
                'customer_name', coalesce(nullif(review.customer_name, ''), 'Anonymous'),
                'created_at', projector.instant(review.created_at)
            )
            ORDER BY review.place
        ) FILTER (WHERE review.place <= 5) AS newest,
        count(*) AS count,
        round(avg(review.rating), 1) AS average_rating
    FROM (
        SELECT
            r.id,
            r.rating,
            r.title,
            r.comment,
            r.customer_name,
            r.created_at,
            row_number() OVER (ORDER BY r.created_at DESC NULLS LAST, r.id DESC) AS place
        FROM reviews r
        WHERE r.product_id = p.id
            AND upper(r.status::text) = 'APPROVED'
            AND r.is_visible
            AND r.is_deleted IS NOT TRUE
    ) AS review
) AS visible
