-- Who the salesperson is.
-- route users.id
-- route sales_orders.created_by -> SELECT u.id FROM users u
--     WHERE u.id = ANY($1) AND u.is_salesperson IS NOT TRUE
-- route roles.id -> SELECT d.id FROM projector.dashboard d JOIN users u ON u.id = d.id WHERE u.role_id = ANY($1)
-- index sales_orders (created_by, created_at DESC NULLS LAST, id DESC)
-- index users (role_id)
SELECT
    d.id,
    r.range,
    json_build_object(
        'id', u.id,
        'name', u.name,
        'email', u.email,
        'phone', u.phone,
        'role', coalesce(role.name, 'Salesperson')
    ) AS value,
    NULL::timestamptz AS valid_until
FROM projector.dashboard d
JOIN users u ON u.id = d.id
LEFT JOIN roles role ON role.id = u.role_id
CROSS JOIN (VALUES ('today'), ('week'), ('month')) AS r (range)
