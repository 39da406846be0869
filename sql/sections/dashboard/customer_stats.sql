-- How many customers are assigned to the salesperson, and how many, of any assignment, ordered in the period.
-- route users.id
-- route sales_orders.created_by
-- route customers.salesperson_id
-- index sales_orders (created_by, created_at DESC NULLS LAST, id DESC)
-- index customers (salesperson_id)
SELECT
    d.id,
    period.range,
    json_build_object(
        'total_customers', assigned.customers,
        'active_customers', active.customers
    ) AS value,
    period.ends AS valid_until
FROM projector.dashboard d
CROSS JOIN LATERAL (
    SELECT count(*) AS customers
    FROM customers c
    WHERE c.salesperson_id = d.id
) AS assigned
CROSS JOIN (
    SELECT
        range,
        projector.midnight(projector.today() - days) AS starts,
        projector.midnight(projector.today() + 1) AS ends
    FROM (VALUES ('today', 0), ('week', 6), ('month', 29)) AS ranges (range, days)
    OFFSET 0 -- evaluated once, not once a row
) AS period
CROSS JOIN LATERAL (
    SELECT count(DISTINCT o.customer_id) AS customers
    FROM sales_orders o
    WHERE o.created_by = d.id
        AND o.created_at >= period.starts
        -- No bound of an index: between two, everybody's orders of the period seem to be few.
        AND CASE WHEN o.created_at < period.ends THEN 1 END = 1
        AND upper(o.status::text) IS DISTINCT FROM 'CANCELLED'
) AS active
