-- Nine months of orders: items are drawn first, so that an order's amounts are the sums of its items.

CREATE TEMP TABLE generated_orders AS
SELECT n AS id, customer_id, age, moment,
    (moment + interval '3 hours')::date AS day,
    CASE WHEN n % 67 = 11 AND age > 30 THEN lower(status) ELSE status END AS status,
    CASE
        WHEN status IS NULL OR status IN ('DRAFT', 'PENDING', 'CANCELLED') THEN 0
        WHEN n % 71 = 8 THEN 1.10
        WHEN age > 60 THEN pg_temp.pick(n, 'order paid', ARRAY[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.6, 0])
        WHEN age > 10 THEN pg_temp.pick(n, 'order paid', ARRAY[1, 1, 1, 1, 1, 1, 0.5, 0.25, 0, 0])
        ELSE pg_temp.pick(n, 'order paid', ARRAY[1, 1, 0.5, 0.3, 0, 0, 0])
    END AS paid_share
FROM (
    SELECT n, age, pg_temp.moment(age) AS moment,
        pg_temp.skewed(n, 'order customer', pg_temp.rows(2000, 40)) AS customer_id,
        CASE
            WHEN n % 101 = 23 THEN NULL
            WHEN pg_temp.chance(n, 'order cancelled', 0.07) THEN 'CANCELLED'
            WHEN age < 4 THEN pg_temp.pick(n, 'order status', ARRAY['DRAFT', 'DRAFT', 'PENDING', 'CONFIRMED',
                'CONFIRMED', 'CONFIRMED', 'SHIPPED', 'DELIVERED'])
            WHEN age < 15 THEN pg_temp.pick(n, 'order status', ARRAY['DRAFT', 'CONFIRMED', 'CONFIRMED', 'SHIPPED',
                'SHIPPED', 'DELIVERED', 'DELIVERED', 'DELIVERED', 'DELIVERED', 'COMPLETED'])
            ELSE pg_temp.pick(n, 'order status', ARRAY['DELIVERED', 'DELIVERED', 'DELIVERED', 'DELIVERED',
                'DELIVERED', 'DELIVERED', 'DELIVERED', 'DELIVERED', 'DELIVERED', 'DELIVERED', 'DELIVERED',
                'DELIVERED', 'DELIVERED', 'DELIVERED', 'DELIVERED', 'COMPLETED', 'COMPLETED', 'CONFIRMED',
                'SHIPPED', 'DRAFT'])
        END AS status
    FROM generate_series(1, pg_temp.rows(10000, 100)) AS n,
        LATERAL (SELECT pg_temp.age(n, pg_temp.rows(10000, 100), 270)) AS history (age)
) AS drawn;
ANALYZE generated_orders;

CREATE TEMP TABLE generated_items AS
SELECT row_number() OVER (ORDER BY order_id, line) AS id, order_id, n, product_id, quantity, price, cost_price, discount,
    round(quantity * price * discount / 100, 2) AS discount_amount,
    round(quantity * price, 2) - round(quantity * price * discount / 100, 2) AS line_total
FROM (
    SELECT order_id, line, n, product.id AS product_id, product.cost_price,
        CASE WHEN pg_temp.chance(n, 'item fraction', 0.08)
            THEN round((0.25 + 12 * pg_temp.uniform(n, 'item quantity'))::numeric, 3)
            ELSE (1 + floor(20 * power(pg_temp.uniform(n, 'item quantity'), 3)))::numeric
        END AS quantity,
        round(coalesce(product.unit_price, 1000) * pg_temp.pick(n, 'item price', ARRAY[1, 1, 1, 1, 0.95, 0.875]), 2)
            AS price,
        pg_temp.pick(n, 'item discount', ARRAY[0, 0, 0, 0, 0, 0, 0, 2.50, 5, 10]) AS discount
    FROM (
        SELECT orders.id AS order_id, line, orders.id::bigint * 8 + line AS n,
            pg_temp.skewed(orders.id::bigint * 8 + line, 'item product', pg_temp.rows(1000, 20)) AS product_id
        FROM generated_orders AS orders,
            generate_series(1, CASE WHEN orders.id % 211 = 97 THEN 0
                ELSE pg_temp.between(orders.id, 'order lines', 1, 5) END) AS line
    ) AS lines
    JOIN products AS product ON product.id = lines.product_id
) AS drawn;

INSERT INTO sales_orders (id, order_number, customer_id, branch_id, warehouse_id, order_date,
    expected_delivery_date, actual_delivery_date, status, payment_status, payment_method, subtotal,
    discount_percentage, discount_amount, tax_percentage, tax_amount, total_amount, paid_amount, notes,
    internal_notes, created_by, created_at, updated_at)
SELECT n,
    'SO-' || to_char(day, 'YYMMDD') || '-' || lpad(n::text, 6, '0'),
    CASE WHEN n % 307 <> 41 THEN orders.customer_id END,
    CASE WHEN pg_temp.known(n, 'order branch') THEN (warehouse + 1) / 2 END,
    CASE WHEN pg_temp.known(n, 'order warehouse') THEN warehouse END,
    CASE WHEN pg_temp.known(n, 'order date') THEN day END,
    CASE WHEN pg_temp.chance(n, 'order expected', 0.9) THEN expected END,
    CASE WHEN upper(status) IN ('DELIVERED', 'COMPLETED') AND pg_temp.chance(n, 'order delivered', 0.95)
        THEN least(pg_temp.today(), greatest(day, expected + pg_temp.between(n, 'order delay', -2, 4))) END,
    status,
    CASE WHEN pg_temp.known(n, 'order payment status') THEN
        CASE WHEN paid_share >= 1 THEN 'PAID' WHEN paid_share > 0 THEN 'PARTIAL' ELSE 'UNPAID' END END,
    pg_temp.pick(n, 'order payment', ARRAY['cash', 'cash', 'bank_transfer', 'zain_cash', 'fast_pay', 'آجل', NULL]),
    CASE WHEN n % 127 <> 61 THEN subtotal END,
    CASE WHEN pg_temp.known(n, 'order discount') THEN discount END,
    CASE WHEN pg_temp.known(n, 'order discount') THEN discount_amount END,
    CASE WHEN pg_temp.known(n, 'order tax') THEN tax END,
    CASE WHEN pg_temp.known(n, 'order tax') THEN tax_amount END,
    CASE WHEN n % 151 <> 73 THEN subtotal - discount_amount + tax_amount END,
    CASE WHEN pg_temp.known(n, 'order paid') THEN round((subtotal - discount_amount + tax_amount) * paid_share, 2) END,
    CASE WHEN pg_temp.chance(n, 'order notes', 0.15) THEN pg_temp.pick(n, 'order note', ARRAY['يرجى الاتصال قبل التوصيل',
        'التسليم صباحا', 'Leave at the gate', 'بضاعة قابلة للكسر', 'Call the "day" guard']) END,
    CASE WHEN pg_temp.chance(n, 'order internal', 0.05) THEN 'checked' END,
    CASE
        WHEN NOT pg_temp.known(n, 'order salesperson') THEN NULL
        WHEN n % 89 = 15 THEN pg_temp.salespeople() + 1 + n % 2
        WHEN pg_temp.chance(n, 'order stand-in', 0.1) THEN pg_temp.between(n, 'order salesperson', 1, pg_temp.salespeople())
        ELSE coalesce(customer.salesperson_id, 1)
    END,
    CASE WHEN n % 199 <> 11 THEN moment END,
    CASE WHEN pg_temp.known(n, 'order updated') THEN moment + (pg_temp.moment(0) - moment) * 0.2 END
FROM (
    SELECT orders.*, orders.id AS n, subtotal, discount, tax,
        round(subtotal * discount / 100, 2) AS discount_amount,
        round(subtotal * tax / 100, 2) AS tax_amount,
        day + pg_temp.between(orders.id, 'order expected', 1, 9) AS expected,
        pg_temp.between(orders.id, 'order warehouse', 1, 2 * pg_temp.branch_count()) AS warehouse
    FROM generated_orders AS orders
    LEFT JOIN (SELECT order_id, sum(line_total) AS total FROM generated_items GROUP BY order_id) AS items
        ON items.order_id = orders.id,
    LATERAL (
        SELECT coalesce(total, 0),
            pg_temp.pick(orders.id, 'order discount', ARRAY[0, 0, 0, 0, 0, 0, 2.50, 5, 10]),
            pg_temp.pick(orders.id, 'order tax', ARRAY[0, 0, 0, 0, 5])
    ) AS amounts (subtotal, discount, tax)
) AS orders
LEFT JOIN customers AS customer ON customer.id = orders.customer_id
ORDER BY n;

INSERT INTO sales_items (id, sales_order_id, product_id, quantity, unit_price, discount_percentage,
    discount_amount, line_total, delivered_quantity, unit_cost, notes)
SELECT item.id, order_id,
    CASE WHEN n % 401 <> 39 THEN product_id END,
    CASE WHEN n % 503 <> 18 THEN quantity END,
    CASE WHEN n % 509 <> 25 THEN price END,
    CASE WHEN pg_temp.known(n, 'item discount') THEN discount END,
    CASE WHEN pg_temp.known(n, 'item discount') THEN discount_amount END,
    CASE WHEN n % 521 <> 33 THEN line_total END,
    CASE
        WHEN NOT pg_temp.known(n, 'item delivered') THEN NULL
        WHEN upper(status) IN ('DELIVERED', 'COMPLETED') THEN quantity
        ELSE 0
    END,
    cost_price,
    CASE WHEN pg_temp.chance(n, 'item notes', 0.05) THEN pg_temp.pick(n, 'item note',
        ARRAY['هدية', 'بدون تغليف', 'gift', 'check the expiry date']) END
FROM generated_items AS item
JOIN generated_orders AS orders ON orders.id = item.order_id
ORDER BY item.id;

DROP TABLE generated_items;
ANALYZE sales_orders;
