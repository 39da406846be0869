-- The promotions that have not ended, as the apps show them; `turn` is when one begins or ends.
SELECT
    o.id,
    o.branch_id,
    o.priority,
    o.applies_to_home,
    o.applies_to_checkout,
    term.has_started,
    CASE WHEN term.has_started THEN o.end_date ELSE o.start_date END AT TIME ZONE 'UTC' AS turn,
    json_build_object(
        'id', o.id,
        'title', o.title,
        'description', o.description,
        'banner_url', nullif(o.banner_url, ''),
        'discount_type', o.discount_type,
        'discount_value', projector.finite(o.discount_value),
        'promo_code', nullif(o.promo_code, ''),
        'start_date', projector.instant(o.start_date),
        'end_date', projector.instant(o.end_date)
    ) AS shown
FROM promotions o
CROSS JOIN LATERAL (
    SELECT coalesce(o.start_date AT TIME ZONE 'UTC' <= (SELECT projector.now()), true) AS has_started
) AS term
WHERE o.is_active
    AND coalesce(o.end_date AT TIME ZONE 'UTC' > (SELECT projector.now()), true)
    AND coalesce(o.end_date > o.start_date, true)
