-- The promotions of the checkout that have begun and not ended, by priority.
-- route branches.id -> SELECT unnest($1)
-- route promotions -> SELECT id FROM projector.shop
-- empty []
SELECT
    s.id,
    coalesce(active.list, '[]') AS value,
    active.valid_until
FROM projector.shop s
CROSS JOIN LATERAL (
    SELECT
        json_agg(
            json_build_object(
                'id', p.id,
                'title', p.title,
                'description', p.description,
                'banner_url', nullif(p.banner_url, ''),
                'discount_type', p.discount_type,
                'discount_value', projector.finite(p.discount_value),
                'promo_code', nullif(p.promo_code, ''),
                'start_date', projector.instant(p.start_date),
                'end_date', projector.instant(p.end_date)
            )
            ORDER BY p.place
        ) FILTER (WHERE p.has_started) AS list,
        -- beyond the year 9999, and so at infinity, is never
        min(p.turn) FILTER (WHERE p.turn < '9999-12-31') AS valid_until
    FROM (
        SELECT
            o.id,
            o.title,
            o.description,
            o.banner_url,
            o.discount_type,
            o.discount_value,
            o.promo_code,
            o.start_date,
            o.end_date,
            term.has_started,
            row_number() OVER (PARTITION BY term.has_started ORDER BY o.priority, o.id) AS place,
            CASE WHEN term.has_started THEN o.end_date ELSE o.start_date END AT TIME ZONE 'UTC' AS turn
        FROM promotions o
        CROSS JOIN LATERAL (
            SELECT coalesce(o.start_date AT TIME ZONE 'UTC' <= (SELECT projector.now()), true) AS has_started
        ) AS term
        WHERE o.is_active
            AND o.applies_to_checkout
            AND (o.branch_id IS NULL OR o.branch_id = nullif(s.id, 0))
            AND coalesce(o.end_date AT TIME ZONE 'UTC' > (SELECT projector.now()), true)
            AND coalesce(o.end_date > o.start_date, true)
    ) AS p
) AS active
