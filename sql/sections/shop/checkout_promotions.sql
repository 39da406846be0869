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
        json_agg(p.shown ORDER BY p.priority, p.id) FILTER (WHERE p.has_started) AS list,
        -- beyond the year 9999, and so at infinity, is never
        min(p.turn) FILTER (WHERE p.turn < '9999-12-31') AS valid_until
    FROM projector.shared_promotion p
    WHERE p.applies_to_checkout AND (p.branch_id IS NULL OR p.branch_id = nullif(s.id, 0))
) AS active
