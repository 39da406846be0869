-- From when to when the figures of the dashboard reach.
-- route users.id
-- route sales_orders.created_by -> SELECT u.id FROM users u
--     WHERE u.id = ANY($1) AND u.is_salesperson IS NOT TRUE
-- index sales_orders (created_by, created_at DESC NULLS LAST, id DESC)
SELECT
    d.id,
    period.range,
    json_build_object(
        'range', period.range,
        'start_date', projector.instant(period.starts),
        'end_date', projector.instant(period.ends)
    ) AS value,
    period.ends AS valid_until
FROM projector.dashboard d
CROSS JOIN (
    SELECT
        range,
        projector.midnight(projector.today() - days) AS starts,
        projector.midnight(projector.today() + 1) AS ends
    FROM (VALUES ('today', 0), ('week', 6), ('month', 29)) AS ranges (range, days)
    OFFSET 0 -- evaluated once, not once a row
) AS period
