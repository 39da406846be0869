-- The first five promotions of the home page that have begun and not ended, by priority.
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
        json_agg(p.shown ORDER BY p.place) FILTER (WHERE p.has_started AND p.place <= 5) AS list,
        -- beyond the year 9999, and so at infinity, is never
        min(p.turn) FILTER (WHERE p.turn < '9999-12-31') AS valid_until
    FROM (
        SELECT it.*, row_number() OVER (PARTITION BY it.has_started ORDER BY it.priority, it.id) AS place
        FROM projector.shared_promotion it
        WHERE it.applies_to_home AND (it.branch_id IS NULL OR it.branch_id = nullif(s.id, 0))
    ) AS p
) AS active
