-- The order itself and the salesperson who created it.
-- route sales_orders.id
-- route users.id -> SELECT o.id FROM sales_orders o WHERE o.created_by = ANY($1)
-- index sales_orders (created_by, created_at DESC NULLS LAST, id DESC)
SELECT
    o.id,
    json_build_object(
        'id', o.id,
        'order_number', o.order_number,
        'order_date', projector.day(o.order_date),
        'status', o.status,
        'payment_status', o.payment_status,
        'payment_method', o.payment_method,
        'subtotal', projector.finite(o.subtotal),
        'discount_amount', projector.finite(o.discount_amount),
        'tax_amount', projector.finite(o.tax_amount),
        'total_amount', projector.finite(o.total_amount),
        'net_amount', projector.finite(o.subtotal) - coalesce(projector.finite(o.discount_amount), 0),
        'notes', o.notes,
        'salesperson', CASE WHEN u.id IS NOT NULL
            THEN json_build_object('id', u.id, 'name', u.name, 'phone', u.phone) END,
        'created_at', projector.instant(o.created_at),
        'updated_at', projector.instant(o.updated_at)
    ) AS value,
    NULL::timestamptz AS valid_until
FROM sales_orders o
LEFT JOIN users u ON u.id = o.created_by
