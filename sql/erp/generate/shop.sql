-- The consumer shop: reviews, carts and promotions; and the log that nobody reads.

INSERT INTO reviews (id, product_id, customer_id, rating, title, comment, status, is_visible, is_deleted,
    customer_name, helpful_count, created_at)
SELECT n,
    CASE WHEN n % 181 <> 12 THEN pg_temp.skewed(n, 'review product', pg_temp.rows(1000, 20)) END,
    CASE WHEN pg_temp.known(n, 'review customer') THEN customer.id END,
    CASE WHEN pg_temp.known(n, 'review rating')
        THEN pg_temp.pick(n, 'review rating', ARRAY[5, 5, 5, 5, 4, 4, 4, 3, 2, 1])::integer END,
    pg_temp.pick(n, 'review title', ARRAY['ممتاز', 'جيد جدا', 'سعر مناسب', 'Great', 'Not bad', 'لا أنصح به', NULL]),
    pg_temp.pick(n, 'review comment', ARRAY['وصل بسرعة والتغليف ممتاز', 'الجودة عالية مقارنة بالسعر',
        'المنتج مطابق للوصف', 'Arrived late but the quality is good', 'Would "buy" again 👍', 'العبوة كانت مفتوحة', NULL]),
    pg_temp.pick(n, 'review status', ARRAY['approved', 'approved', 'approved', 'approved', 'approved', 'approved',
        'approved', 'approved', 'APPROVED', 'pending', 'rejected', 'flagged', NULL]),
    pg_temp.mostly(n, 'review visible'),
    CASE WHEN pg_temp.known(n, 'review deleted') THEN pg_temp.chance(n, 'review deleted', 0.04) END,
    CASE WHEN n % 19 = 4 THEN '' WHEN pg_temp.chance(n, 'review name', 0.85) THEN customer.name END,
    CASE WHEN pg_temp.known(n, 'review helpful') THEN pg_temp.between(n, 'review helpful', 0, 40) END,
    CASE WHEN pg_temp.known(n, 'review created')
        THEN pg_temp.moment(pg_temp.age(n, pg_temp.rows(2500, 60), 400)) AT TIME ZONE 'UTC' END
FROM generate_series(1, pg_temp.rows(2500, 60)) AS n
JOIN customers AS customer ON customer.id = pg_temp.between(n, 'review customer', 1, pg_temp.rows(2000, 40))
ORDER BY n;

INSERT INTO carts (id, customer_id, branch_id, status, is_active, promo_code, created_at, updated_at)
SELECT n,
    CASE WHEN pg_temp.known(n, 'cart customer') THEN pg_temp.skewed(n, 'cart customer', pg_temp.rows(2000, 40)) END,
    CASE WHEN pg_temp.known(n, 'cart branch') THEN pg_temp.between(n, 'cart branch', 1, pg_temp.branch_count()) END,
    pg_temp.pick(n, 'cart status', ARRAY['active', 'active', 'active', 'ACTIVE', 'abandoned', 'converted', NULL]),
    pg_temp.mostly(n, 'cart active'),
    pg_temp.pick(n, 'cart promo', ARRAY['EID10', 'WELCOME', 'UNKNOWN', '', NULL, NULL, NULL, NULL]),
    CASE WHEN pg_temp.known(n, 'cart created') THEN created END,
    CASE WHEN pg_temp.known(n, 'cart updated') THEN created + interval '40 minutes' * pg_temp.uniform(n, 'cart updated') END
FROM generate_series(1, pg_temp.rows(300, 20)) AS n,
    LATERAL (SELECT pg_temp.moment(pg_temp.age(n, pg_temp.rows(300, 20), 60)) AT TIME ZONE 'UTC') AS history (created);

INSERT INTO cart_items (id, cart_id, product_id, quantity, unit_price, subtotal, is_available, added_at, updated_at)
SELECT row_number() OVER (ORDER BY n),
    cart.id,
    CASE WHEN n % 131 <> 5 THEN product.id END,
    CASE WHEN n % 79 <> 7 THEN quantity END,
    CASE WHEN pg_temp.known(n, 'cart price') THEN product.unit_price::double precision END,
    CASE WHEN pg_temp.known(n, 'cart subtotal') THEN (product.unit_price * quantity)::double precision END,
    pg_temp.mostly(n, 'cart available'),
    CASE WHEN pg_temp.known(n, 'cart added') THEN cart.created_at + place * interval '70 seconds' END,
    CASE WHEN pg_temp.chance(n, 'cart changed', 0.7) THEN cart.created_at + place * interval '85 seconds' END
FROM carts AS cart,
    generate_series(1, pg_temp.between(cart.id, 'cart places', 0, 6)) AS place,
    LATERAL (SELECT cart.id::bigint * 8 + place, pg_temp.between(cart.id::bigint * 8 + place, 'cart quantity', 1, 12))
        AS draw (n, quantity),
    products AS product
WHERE product.id = pg_temp.skewed(n, 'cart product', pg_temp.rows(1000, 20));

INSERT INTO promotions (id, title, description, banner_url, discount_type, discount_value, start_date, end_date,
    is_active, priority, applies_to_checkout, applies_to_home, branch_id, promo_code)
SELECT id, title, description,
    CASE id WHEN 7 THEN '' WHEN 10 THEN NULL ELSE 'https://cdn.example.iq/banners/' || id || '.jpg' END, type, value,
    pg_temp.today() + starts * interval '1 hour', pg_temp.today() + ends * interval '1 hour',
    active, priority, checkout, home, branch, code
FROM (
    VALUES
        (1, 'عرض العيد', 'خصم على كل المنتجات', 'percentage', 10, -240, 480, true, 10, true, true, NULL, 'EID10'),
        (2, 'أهلا بك', 'خصم للزبائن الجدد', 'fixed_amount', 5000, NULL, NULL, true, 5, true, true, NULL, 'WELCOME'),
        (3, 'اشتر اثنين واحصل على الثالث', NULL, 'buy_x_get_y', 2, -48, 12, true, 8, true, true, 1, NULL),
        (4, 'Summer clearance', 'Everything must go', 'percentage', 25.5, -2000, -300, true, 9, true, true, NULL, 'SUMMER'),
        (5, 'عروض رمضان', 'قريبا', 'percentage', 15, 170, 900, true, 10, true, true, NULL, 'RAMADAN'),
        (6, 'Basra opening', 'افتتاح فرع البصرة', 'fixed_amount', 2500.75, -100, 700, true, 3, false, true, 2, NULL),
        (7, 'Withdrawn', NULL, 'percentage', 50, -10, 500, false, 99, true, true, NULL, 'HALF'),
        (8, 'عرض منتصف الليل', 'يبدأ الليلة', 'percentage', 7.5, 21, 45, true, 7, true, NULL, NULL, ''),
        (9, 'Bank card cashback', 'With any bank card', 'percentage', NULL, -500, NULL, true, NULL, true, false, 3, 'CARD'),
        (10, NULL, NULL, NULL, 1, -500, 500, NULL, 1, NULL, NULL, NULL, NULL)
) AS promotion (id, title, description, type, value, starts, ends, active, priority, checkout, home, branch, code);

INSERT INTO audit_log (id, table_name, row_id, action, user_id, details, created_at)
SELECT n,
    pg_temp.pick(n, 'audit table', ARRAY['sales_orders', 'products', 'customers', 'users']),
    pg_temp.between(n, 'audit row', 1, pg_temp.rows(1000, 20)),
    pg_temp.pick(n, 'audit action', ARRAY['insert', 'update', 'update', 'delete', NULL]),
    pg_temp.between(n, 'audit user', 1, pg_temp.salespeople()),
    CASE WHEN pg_temp.chance(n, 'audit details', 0.3) THEN json_build_object('ip', '10.0.0.' || n % 250) END,
    pg_temp.moment(pg_temp.age(n, pg_temp.rows(1000), 90))
FROM generate_series(1, pg_temp.rows(1000)) AS n;
