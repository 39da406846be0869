-- Categories (families, and kinds of goods under them) and products.

CREATE TEMP TABLE generated_families (id integer, name text, name_ar text);
INSERT INTO generated_families
VALUES
    (1, 'Groceries', 'مواد غذائية'), (2, 'Beverages', 'مشروبات'),
    (3, 'Cleaning', 'منظفات'), (4, 'Personal care', 'عناية شخصية'),
    (5, 'Household', 'أدوات منزلية'), (6, 'Electronics', 'إلكترونيات'),
    (7, 'Stationery', 'قرطاسية'), (8, 'Hardware', 'عدد وأدوات');

-- The family of kind k is 1 + (k - 1) % 8.
CREATE TEMP TABLE generated_kinds (id integer, name text, name_ar text, unit text, price integer);
INSERT INTO generated_kinds
VALUES
    (1, 'Basmati rice', 'أرز بسمتي', 'bag', 9000), (2, 'Black tea', 'شاي أسود', 'box', 4500),
    (3, 'Laundry powder', 'مسحوق غسيل', 'bag', 7500), (4, 'Shampoo', 'شامبو', 'bottle', 5000),
    (5, 'Cooking pot', 'قدر طبخ', 'piece', 28000), (6, 'Phone charger', 'شاحن هاتف', 'piece', 8000),
    (7, 'School notebooks', 'دفاتر مدرسية', 'dozen', 6000), (8, 'Hammer', 'مطرقة', 'piece', 9500),
    (9, 'Sugar', 'سكر', 'kg', 1500), (10, 'Orange juice', 'عصير برتقال', 'carton', 11000),
    (11, 'Dish soap', 'سائل جلي', 'bottle', 2500), (12, 'Toothpaste', 'معجون أسنان', 'piece', 2000),
    (13, 'Tea glasses', 'طقم استكانات', 'set', 15000), (14, 'Headphones', 'سماعات رأس', 'piece', 22000),
    (15, 'Ballpoint pens', 'أقلام جاف', 'box', 4000), (16, 'Electric drill', 'دريل كهربائي', 'piece', 75000),
    (17, 'Sunflower oil', 'زيت دوار الشمس', 'liter', 3250), (18, 'Mineral water', 'ماء معدني', 'carton', 3000),
    (19, 'Floor cleaner', 'منظف أرضيات', 'liter', 3500), (20, 'Hand soap', 'صابون يدين', 'piece', 1250),
    (21, 'Blanket', 'بطانية', 'piece', 45000), (22, 'LED lamp', 'مصباح ليد', 'piece', 2750),
    (23, 'Printing paper', 'ورق طباعة', 'ream', 7000), (24, 'Wall paint', 'صبغ جدران', 'bucket', 32000),
    (25, 'Red lentils', 'عدس أحمر', 'kg', 2250), (26, 'Arabic coffee', 'قهوة عربية', 'kg', 14000),
    (27, 'Bleach', 'قاصر', 'liter', 1500), (28, 'Olive soap', 'صابون غار', 'piece', 2000),
    (29, 'Carpet', 'سجادة', 'piece', 120000), (30, 'Wall fan', 'مروحة جدارية', 'piece', 55000),
    (31, 'School bag', 'حقيبة مدرسية', 'piece', 25000), (32, 'Water pump', 'مضخة ماء', 'piece', 95000);

INSERT INTO categories (id, name, name_ar, parent_id, sort_order, is_active)
SELECT id, name, name_ar, NULL, id, true FROM generated_families;

INSERT INTO categories (id, name, name_ar, parent_id, sort_order, is_active)
SELECT n,
    kind.name || CASE WHEN n > 40 THEN ' ' || (n + 23) / 32 ELSE '' END,
    CASE WHEN pg_temp.known(n, 'category name')
        THEN kind.name_ar || CASE WHEN n > 40 THEN ' ' || (n + 23) / 32 ELSE '' END END,
    1 + (kind.id - 1) % 8,
    CASE WHEN pg_temp.known(n, 'category order') THEN n END,
    pg_temp.mostly(n, 'category active')
FROM generate_series(9, pg_temp.rows(40, 16)) AS n
JOIN generated_kinds AS kind ON kind.id = 1 + (n - 9) % 32
ORDER BY n;

INSERT INTO products (id, sku, name, name_ar, description, description_ar, category_id, supplier_id,
    unit_price, cost_price, unit_of_measure, barcode, image_url, cdn_image_url, images, weight, dimensions,
    color, size, brand, model, is_active, is_featured, actual_available_stock, min_stock_level, tags,
    created_at, updated_at)
SELECT n,
    CASE WHEN pg_temp.known(n, 'product sku') THEN 'SKU-' || lpad(n::text, 6, '0') END,
    brand || ' ' || kind || ' ' || grade,
    CASE WHEN pg_temp.known(n, 'product name') THEN kind_ar || ' ' || brand_ar || ' ' || grade_ar END,
    CASE WHEN pg_temp.chance(n, 'product description', 0.8)
        THEN grade || ' ' || lower(kind) || ' from ' || brand || '. Sold by the ' || unit || '.' END,
    CASE WHEN pg_temp.chance(n, 'product description_ar', 0.7)
        THEN kind_ar || ' ' || grade_ar || ' من ' || brand_ar || '، جودة مضمونة وسعر مناسب' END,
    CASE WHEN pg_temp.known(n, 'product categorised') THEN category END,
    CASE WHEN pg_temp.known(n, 'product supplier') THEN pg_temp.between(n, 'supplier', 1, pg_temp.rows(50)) END,
    CASE WHEN n % 83 <> 19 THEN price END,
    CASE WHEN pg_temp.known(n, 'product cost') THEN round(price * 0.78, 2) END,
    CASE WHEN pg_temp.known(n, 'product unit') THEN unit END,
    CASE WHEN pg_temp.known(n, 'product barcode')
        THEN '625' || lpad((n::bigint * 7919 % 10000000000)::text, 10, '0') END,
    CASE WHEN n % 37 = 11 THEN '' WHEN pg_temp.chance(n, 'product image', 0.85) THEN uploads || '.jpg' END,
    CASE WHEN n % 43 = 11 THEN '' WHEN pg_temp.chance(n, 'product cdn', 0.6) THEN cdn || '/1.jpg' END,
    CASE
        WHEN n % 29 = 3 THEN json_build_object('main', cdn || '/1.jpg')
        WHEN n % 29 = 5 THEN json_build_array(cdn || '/1.jpg', 42, NULL, true,
            json_build_object('url', cdn || '/2.jpg'), cdn || '/3.jpg', '')
        WHEN n % 29 = 7 THEN to_json(cdn || '/1.jpg')
        WHEN n % 29 = 9 THEN json_build_array(cdn || '/2.jpg', uploads || '.jpg', cdn || '/2.jpg', cdn || '/1.jpg')
        WHEN pg_temp.chance(n, 'product images', 0.8)
            THEN to_json((ARRAY[cdn || '/1.jpg', cdn || '/2.jpg', uploads || '-صورة.jpg', cdn || '/4.jpg'])
                [:pg_temp.between(n, 'product gallery', 0, 4)])
    END,
    CASE WHEN pg_temp.chance(n, 'product weight', 0.9)
        THEN round((0.05 + 20 * pg_temp.uniform(n, 'weight'))::numeric, 3) END,
    CASE
        WHEN n % 31 = 13 THEN '{"width": 10.50, "height": 2.0, "note": "old\u0000label"}'::json
        WHEN pg_temp.chance(n, 'product dimensions', 0.7)
            THEN format('{"length": %s.50, "width": %s.0, "height": %s, "unit": "cm"}',
                pg_temp.between(n, 'length', 5, 120), pg_temp.between(n, 'width', 5, 60),
                pg_temp.between(n, 'height', 1, 40))::json
    END,
    pg_temp.pick(n, 'product color', ARRAY['أحمر', 'أزرق', 'أبيض', 'black', 'green', NULL, NULL]),
    pg_temp.pick(n, 'product size', ARRAY['S', 'M', 'L', 'XL', NULL, NULL]),
    CASE WHEN pg_temp.known(n, 'product brand') THEN brand END,
    CASE WHEN pg_temp.chance(n, 'product model', 0.4) THEN 'M-' || pg_temp.between(n, 'model', 100, 999) END,
    pg_temp.mostly(n, 'product active'),
    CASE WHEN pg_temp.known(n, 'product featured') THEN pg_temp.chance(n, 'product featured', 0.1) END,
    CASE WHEN pg_temp.known(n, 'product stock') THEN pg_temp.between(n, 'product stock', -5, 400) END,
    CASE WHEN pg_temp.known(n, 'product minimum') THEN pg_temp.between(n, 'product minimum', 1, 30) END,
    CASE WHEN pg_temp.chance(n, 'product tags', 0.5)
        THEN to_json(ARRAY[grade_ar, pg_temp.pick(n, 'product tag', ARRAY['offer', 'new', 'جديد', 'عرض'])]) END,
    CASE WHEN pg_temp.known(n, 'product created') THEN created END,
    CASE WHEN pg_temp.known(n, 'product updated')
        THEN created + (pg_temp.moment(0) - created) * pg_temp.uniform(n, 'product updated') END
FROM (
    SELECT n, category, kind.name AS kind, kind.name_ar AS kind_ar, unit,
        pg_temp.between(n, 'product brand', 1, 10) AS make,
        pg_temp.between(n, 'product grade', 1, 10) AS quality,
        'https://erp.example.iq/uploads/products/' || n AS uploads,
        'https://cdn.example.iq/products/' || n AS cdn,
        greatest(250, round(kind.price * (0.5 + 2 * pg_temp.uniform(n, 'product price')) / 250) * 250)::numeric
            + pg_temp.pick(n, 'product fils', ARRAY[0, 0, 0, 0, 0, 0, 0, 0, 0.50, 99.75]) AS price,
        pg_temp.moment(pg_temp.age(n, pg_temp.rows(1000, 20), 900)) AS created
    FROM (
        SELECT n, 8 + pg_temp.skewed(n, 'product category', pg_temp.rows(40, 16) - 8) AS category
        FROM generate_series(1, pg_temp.rows(1000, 20)) AS n
    ) AS placed
    JOIN generated_kinds AS kind ON kind.id = 1 + (category - 9) % 32
) AS drawn,
LATERAL (
    SELECT
        (ARRAY['Al-Rafidain', 'Dijla', 'Al-Furat', 'Babil', 'Ur', 'Nineveh', 'Al-Nakheel', 'Zagros', 'Al-Noor',
            'Sumer'])[make] AS brand,
        (ARRAY['الرافدين', 'دجلة', 'الفرات', 'بابل', 'أور', 'نينوى', 'النخيل', 'زاكروس', 'النور', 'سومر'])[make]
            AS brand_ar,
        (ARRAY['Premium', 'Economy', 'Family size', 'Imported', 'Local', 'New', 'Classic', 'Large', 'Small',
            'Double'])[quality] AS grade,
        (ARRAY['ممتاز', 'اقتصادي', 'عائلي', 'مستورد', 'محلي', 'جديد', 'كلاسيكي', 'كبير', 'صغير', 'مضاعف'])[quality]
            AS grade_ar
) AS words
ORDER BY n;

DROP TABLE generated_families, generated_kinds;
