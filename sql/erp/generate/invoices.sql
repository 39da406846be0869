-- Invoices of most orders that are more than a draft, credit and debit notes, and the payments on them.

-- Part 1 is the order's invoice, 2 a note added to it, 3 an invoice that was cancelled and replaced.
CREATE TEMP TABLE generated_invoices AS
SELECT row_number() OVER (ORDER BY orders.id, part) AS id, orders.id AS order_id, orders.customer_id, part, n, age,
    moment + interval '95 minutes' * pg_temp.uniform(n, 'invoice delay') AS moment, day, paid_share,
    upper(orders.status) = 'CANCELLED' AS order_cancelled,
    day + coalesce(customer.payment_terms, 0) AS due,
    CASE WHEN part <> 2 THEN 'SALES'
        ELSE pg_temp.pick(n, 'invoice type', ARRAY['CREDIT_NOTE', 'CREDIT_NOTE', 'CREDIT_NOTE', 'CREDIT_NOTE',
            'DEBIT_NOTE', 'DEBIT_NOTE', 'DEBIT_NOTE', 'PURCHASE']) END::invoice_type AS type,
    CASE WHEN part <> 2 THEN 1 ELSE pg_temp.pick(n, 'invoice part', ARRAY[0.05, 0.1, 0.25, 0.333]) END AS factor
FROM generated_orders AS orders
JOIN customers AS customer ON customer.id = orders.customer_id,
    generate_series(1, 3) AS part,
    LATERAL (SELECT orders.id::bigint * 4 + part) AS draw (n)
WHERE CASE upper(coalesce(orders.status, 'PENDING'))
        WHEN 'DRAFT' THEN false
        WHEN 'PENDING' THEN pg_temp.chance(orders.id, 'invoice early', 0.2)
        WHEN 'CANCELLED' THEN pg_temp.chance(orders.id, 'invoice cancelled', 0.3)
        ELSE pg_temp.chance(orders.id, 'invoice', 0.93)
    END
    AND CASE part WHEN 1 THEN true WHEN 2 THEN orders.id % 14 = 3 ELSE orders.id % 61 = 19 END;

INSERT INTO sales_invoices (id, invoice_number, customer_id, sales_order_id, branch_id, invoice_date, due_date,
    currency_id, exchange_rate, invoice_type, status, subtotal, discount_amount, tax_amount, total_amount,
    paid_amount, printed_count, created_by, created_at, updated_at)
SELECT invoice.id,
    CASE WHEN pg_temp.known(n, 'invoice number')
        THEN CASE type WHEN 'CREDIT_NOTE' THEN 'CN-' WHEN 'DEBIT_NOTE' THEN 'DN-' WHEN 'PURCHASE' THEN 'PI-' ELSE 'INV-' END
            || to_char(day, 'YYMMDD') || '-' || lpad(invoice.id::text, 6, '0') END,
    CASE WHEN n % 313 <> 5 THEN invoice.customer_id END,
    CASE WHEN part <> 2 OR pg_temp.chance(n, 'invoice of an order', 0.8) THEN order_id END,
    branch_id,
    CASE WHEN pg_temp.known(n, 'invoice date') THEN day END,
    CASE WHEN pg_temp.known(n, 'invoice due') THEN due END,
    pg_temp.pick(n, 'invoice currency', ARRAY[1, 1, 1, 1, 1, 1, 1, 1, 2, NULL])::integer,
    pg_temp.pick(n, 'invoice currency', ARRAY[1, 1, 1, 1, 1, 1, 1, 1, 1310.50, NULL]),
    CASE WHEN n % 317 <> 9 THEN type END,
    invoice_status::invoice_status,
    CASE WHEN pg_temp.known(n, 'invoice subtotal') THEN round(orders.subtotal * factor, 2) END,
    CASE WHEN pg_temp.known(n, 'invoice discount') THEN round(orders.discount_amount * factor, 2) END,
    CASE WHEN pg_temp.known(n, 'invoice tax') THEN round(orders.tax_amount * factor, 2) END,
    CASE WHEN n % 331 <> 7 THEN total END,
    CASE WHEN n % 337 <> 13 THEN paid END,
    CASE WHEN pg_temp.known(n, 'invoice printed') THEN pg_temp.between(n, 'invoice printed', 0, 3) END,
    CASE WHEN pg_temp.known(n, 'invoice by') THEN created_by END,
    CASE WHEN n % 347 <> 21 THEN moment END,
    CASE WHEN pg_temp.known(n, 'invoice updated') THEN moment + (pg_temp.moment(0) - moment) * 0.1 END
FROM generated_invoices AS invoice
JOIN sales_orders AS orders ON orders.id = invoice.order_id,
LATERAL (
    SELECT CASE
        WHEN n % 353 = 3 THEN NULL
        WHEN part = 3 THEN 'CANCELLED'
        WHEN order_cancelled THEN pg_temp.pick(n, 'invoice cancelled', ARRAY['CANCELLED', 'CANCELLED', 'REFUNDED'])
        WHEN order_id % 73 = 9 THEN 'DRAFT'
        WHEN order_id % 79 = 9 THEN 'REFUNDED'
        WHEN order_id % 83 = 9 THEN 'CANCELLED'
        WHEN paid_share > 1 THEN pg_temp.pick(n, 'invoice overpaid', ARRAY['PAID', 'PARTIALLY_PAID'])
        WHEN paid_share = 1 AND pg_temp.chance(n, 'invoice settled', 0.97) THEN 'PAID'
        WHEN due < pg_temp.today() AND pg_temp.chance(n, 'invoice overdue', 0.7) THEN 'OVERDUE'
        WHEN paid_share > 0 THEN 'PARTIALLY_PAID'
        ELSE 'PENDING'
    END
) AS state (invoice_status),
LATERAL (SELECT round(coalesce(orders.total_amount, 0) * factor, 2)) AS amount (total),
LATERAL (
    SELECT CASE WHEN invoice_status IN ('DRAFT', 'CANCELLED') THEN 0 ELSE round(total * paid_share, 2) END
) AS payment (paid)
ORDER BY invoice.id;

-- One to three payments on each invoice that had any; the last one is the rest.
INSERT INTO invoice_payments (id, payment_number, sales_invoice_id, purchase_invoice_id, payment_date, amount,
    currency_id, payment_method, reference_number, notes, created_by, created_at)
SELECT row_number() OVER (ORDER BY moment, n),
    CASE WHEN pg_temp.known(n, 'payment number') THEN 'PAY-' || lpad((row_number() OVER (ORDER BY moment, n))::text, 7, '0') END,
    sales_invoice_id,
    purchase_invoice_id,
    CASE WHEN pg_temp.known(n, 'payment date') THEN moment::date END,
    CASE WHEN n % 367 <> 14 THEN amount END,
    currency_id,
    pg_temp.pick(n, 'payment method', ARRAY['cash', 'cash', 'cash', 'bank_transfer', 'zain_cash', 'fast_pay', 'صك', NULL]),
    CASE WHEN pg_temp.chance(n, 'payment reference', 0.6) THEN 'REF' || pg_temp.between(n, 'payment reference', 100000, 999999) END,
    CASE WHEN pg_temp.chance(n, 'payment notes', 0.05) THEN 'دفعة على الحساب' END,
    CASE WHEN pg_temp.known(n, 'payment by') THEN created_by END,
    CASE WHEN pg_temp.known(n, 'payment created') THEN moment END
FROM (
    SELECT draw.n, invoice.id AS sales_invoice_id, NULL::integer AS purchase_invoice_id, invoice.currency_id, invoice.created_by,
        CASE WHEN place < places THEN round(paid_amount / places, 2)
            ELSE paid_amount - (places - 1) * round(paid_amount / places, 2) END AS amount,
        least(pg_temp.moment(0), drawn.moment + place * 12 * pg_temp.uniform(draw.n, 'payment delay') * interval '1 day') AS moment
    FROM sales_invoices AS invoice
    JOIN generated_invoices AS drawn ON drawn.id = invoice.id,
        LATERAL (SELECT pg_temp.pick(invoice.id, 'payment places', ARRAY[1, 1, 1, 1, 2, 2, 3])::integer) AS split (places),
        generate_series(1, places) AS place,
        LATERAL (SELECT invoice.id::bigint * 4 + place) AS draw (n)
    WHERE paid_amount > 0
    UNION ALL
    SELECT -n, NULL, n, 2, NULL, round((1000000 * pg_temp.uniform(n, 'purchase payment'))::numeric, 2),
        pg_temp.moment(200 * pg_temp.uniform(n, 'purchase payment date'))
    FROM generate_series(1, pg_temp.rows(60)) AS n
) AS payment;

DROP TABLE generated_orders, generated_invoices;
