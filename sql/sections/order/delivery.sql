-- How far the delivery is, and whether it is late.
-- route sales_orders.id
SELECT
    o.id,
    json_build_object(
        'has_delivery', o.stage IN ('SHIPPED', 'DELIVERED', 'COMPLETED'),
        'is_delivered', o.stage IN ('DELIVERED', 'COMPLETED'),
        'status', o.status,
        'expected_delivery_date', projector.day(o.expected_delivery_date),
        'actual_delivery_date', projector.day(o.actual_delivery_date),
        'is_late', o.may_be_late AND coalesce(o.expected_delivery_date < (SELECT projector.today()), false)
    ) AS value,
    -- Dates beyond the year 9999 (which clients cannot hold) set no timer.
    CASE WHEN o.may_be_late
            AND o.expected_delivery_date >= (SELECT projector.today())
            AND o.expected_delivery_date < '9999-12-31'
        THEN projector.midnight(o.expected_delivery_date + 1) END AS valid_until
FROM (
    SELECT
        id,
        status,
        coalesce(upper(status::text), '') AS stage,
        expected_delivery_date,
        actual_delivery_date,
        coalesce(upper(status::text), '') NOT IN ('DELIVERED', 'COMPLETED', 'CANCELLED') AS may_be_late
    FROM sales_orders
) AS o
