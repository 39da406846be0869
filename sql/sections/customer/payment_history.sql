-- The ten newest payments on any of the customer's invoices and what they come to.
-- route customers.id
-- route sales_invoices.customer_id
-- route invoice_payments.sales_invoice_id -> SELECT customer_id FROM sales_invoices WHERE id = ANY($1)
-- index sales_invoices (customer_id)
-- index invoice_payments (sales_invoice_id)
SELECT
    c.id,
    json_build_object(
        'items', newest.items,
        'count', newest.count,
        'total_paid', newest.total_paid
    ) AS value,
    NULL::timestamptz AS valid_until
FROM customers c
CROSS JOIN LATERAL (
    SELECT
        coalesce(json_agg(row_to_json(item)), '[]') AS items,
        count(*) AS count,
        coalesce(sum(item.amount), 0) AS total_paid
    FROM (
        SELECT
            p.id,
            i.id AS invoice_id,
            i.invoice_number,
            projector.finite(p.amount) AS amount,
            projector.day(p.payment_date) AS payment_date,
            p.payment_method,
            p.reference_number AS reference
        FROM sales_invoices i
        JOIN invoice_payments p ON p.sales_invoice_id = i.id
        WHERE i.customer_id = c.id
        ORDER BY p.payment_date DESC NULLS LAST, p.id DESC
        LIMIT 10
    ) AS item
) AS newest
