-- What of each product lies where, and what it costs whom.

-- About three places for each product, none for a few, now and then the same warehouse twice.
INSERT INTO inventory_items (id, product_id, warehouse_id, quantity_on_hand, quantity_reserved,
    quantity_ordered, shelf, created_at, updated_at)
SELECT row_number() OVER (ORDER BY product_id, place),
    product_id,
    CASE WHEN pg_temp.known(n, 'stock warehouse') THEN 1 + (start + (place - (n % 61 = 7)::integer) * step) % warehouses END,
    CASE WHEN pg_temp.known(n, 'stock on hand') THEN on_hand END,
    CASE
        WHEN NOT pg_temp.known(n, 'stock reserved') THEN NULL
        WHEN n % 53 = 9 THEN on_hand + 5
        WHEN pg_temp.chance(n, 'stock reserved', 0.5) THEN floor(on_hand * 0.3 * pg_temp.uniform(n, 'stock reserve'))
        ELSE 0
    END,
    CASE WHEN pg_temp.known(n, 'stock ordered')
        THEN pg_temp.pick(n, 'stock ordered', ARRAY[0, 0, 0, 24, 50, 120.5]) END,
    CASE WHEN pg_temp.known(n, 'stock shelf') THEN chr(65 + place) || '-' || pg_temp.between(n, 'shelf', 1, 40) END,
    CASE WHEN pg_temp.known(n, 'stock created') THEN created END,
    CASE WHEN pg_temp.chance(n, 'stock updated', 0.85)
        THEN created + (pg_temp.moment(0) - created) * pg_temp.uniform(n, 'stock update') END
FROM (
    SELECT product.id AS product_id, place, product.id::bigint * 8 + place AS n,
        2 * pg_temp.branch_count() AS warehouses,
        pg_temp.between(product.id, 'stock start', 0, 1000) AS start,
        pg_temp.between(product.id, 'stock step', 1, 4) AS step,
        CASE WHEN pg_temp.chance(product.id * 8 + place, 'stock fraction', 0.1)
            THEN round((200 * pg_temp.uniform(product.id * 8 + place, 'stock quantity'))::numeric, 3)
            ELSE floor((500 * power(pg_temp.uniform(product.id * 8 + place, 'stock quantity'), 2))::numeric)
        END AS on_hand,
        pg_temp.moment(30 + 600 * pg_temp.uniform(product.id, 'stock created')) AS created
    FROM products AS product,
        generate_series(1, CASE WHEN product.id % 47 = 21 THEN 0
            ELSE pg_temp.between(product.id, 'stock places', 1, 5) END) AS place
) AS drawn;

INSERT INTO pricing_lists (id, name, price_list_type, discount_percentage, is_active, valid_from, valid_to,
    created_at, updated_at)
SELECT id, name, type, discount, active, valid_from, valid_to,
    CASE WHEN id <> 6 THEN pg_temp.today() - 400 + id * interval '26 hours' END,
    CASE WHEN id <> 2 THEN pg_temp.today() - 100 + id * interval '26 hours' END
FROM (
    VALUES
        (1, 'أسعار المفرد', 'retail', 0, true, pg_temp.today() - 400, NULL),
        (2, 'أسعار الجملة', 'wholesale', 12.50, true, NULL, NULL),
        (3, 'VIP customers', 'vip', 15, true, pg_temp.today() - 90, pg_temp.today() + 275),
        (4, 'Summer offers', 'promotional', 20, true, pg_temp.today() - 120, pg_temp.today() - 10),
        (5, 'عروض الموسم القادم', 'promotional', NULL, true, pg_temp.today() + 7, pg_temp.today() + 60),
        (6, 'Retail before the revaluation', 'retail', 0, false, pg_temp.today() - 900, NULL),
        (7, 'عرض اليوم', 'promotional', 5, true, pg_temp.today(), pg_temp.today()),
        (8, 'Second retail list', 'retail', 0, true, NULL, pg_temp.today() + 1),
        (9, NULL, NULL, NULL, NULL, NULL, NULL)
) AS list (id, name, type, discount, active, valid_from, valid_to);

-- Two or three prices for each product: retail nearly always, wholesale or VIP, and sometimes another list.
INSERT INTO product_prices (id, product_id, pricing_list_id, price, discount_percentage, minimum_quantity,
    created_at, updated_at)
SELECT row_number() OVER (ORDER BY product_id, place),
    product_id,
    list,
    CASE WHEN n % 97 <> 31 THEN round(price * (ARRAY[1, 0.87, 0.82, 0.75, 0.9, 0.7, 0.8, 0.95, 1])[list], 2) END,
    CASE WHEN pg_temp.known(n, 'price discount')
        THEN pg_temp.pick(n, 'price discount', ARRAY[0, 0, 0, 0, 5, 7.50, 12.25, 33.33]) END,
    CASE WHEN pg_temp.known(n, 'price minimum')
        THEN CASE WHEN list IN (2, 3) THEN pg_temp.pick(n, 'price minimum', ARRAY[6, 10, 12, 24]) ELSE 1 END END,
    CASE WHEN pg_temp.known(n, 'price created') THEN created END,
    CASE WHEN pg_temp.chance(n, 'price updated', 0.6) THEN created + interval '3 days 5 minutes' END
FROM (
    SELECT product.id AS product_id, place, product.id::bigint * 4 + place AS n,
        coalesce(product.unit_price, 1000) AS price,
        CASE
            WHEN place = 1 AND pg_temp.chance(product.id, 'price retail', 0.95) THEN 1
            WHEN place < 3 THEN pg_temp.between(product.id * 4 + place, 'price list', 2, 3)
            ELSE pg_temp.between(product.id * 4 + place, 'price list', 2, 9)
        END AS list,
        pg_temp.moment(20 + 300 * pg_temp.uniform(product.id, 'price created')) AT TIME ZONE 'UTC' AS created
    FROM products AS product,
        generate_series(1, CASE WHEN product.id % 59 = 17 THEN 0
            ELSE pg_temp.between(product.id, 'price places', 2, 3) END) AS place
) AS drawn;
