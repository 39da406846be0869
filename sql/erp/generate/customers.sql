-- Customers and where their goods are sent.

INSERT INTO customers (id, customer_code, name, name_ar, company_name, phone, email, address, city, country,
    tax_number, credit_limit, payment_terms, currency, salesperson_id, loyalty_points, is_active, created_at,
    updated_at)
SELECT n,
    CASE WHEN pg_temp.known(n, 'customer code') THEN 'C-' || lpad(n::text, 6, '0') END,
    CASE WHEN pg_temp.chance(n, 'customer arabic', 0.4) THEN person_ar ELSE pg_temp.person(n, 'customer') END,
    CASE WHEN pg_temp.chance(n, 'customer name_ar', 0.8) THEN person_ar END,
    CASE WHEN pg_temp.chance(n, 'customer company', 0.45)
        THEN pg_temp.pick(n, 'company kind', ARRAY['شركة', 'مكتب', 'أسواق', 'مخازن', 'معرض', 'مجموعة']) || ' '
            || pg_temp.pick(n, 'company name', ARRAY['النور', 'الرافدين', 'الفرات', 'بابل', 'الأمل', 'النخيل',
                'المنصور', 'الكرادة', 'الوركاء', 'عشتار']) || ' '
            || pg_temp.pick(n, 'company trade', ARRAY['للتجارة العامة', 'للمواد الغذائية', 'للمقاولات',
                'والتجهيزات', 'المحدودة']) END,
    CASE WHEN pg_temp.known(n, 'customer phone') THEN pg_temp.phone(n, 'customer') END,
    CASE WHEN pg_temp.chance(n, 'customer email', 0.7) THEN 'customer' || n || '@mail.example.iq' END,
    CASE WHEN pg_temp.chance(n, 'customer address', 0.9)
        THEN 'محلة ' || pg_temp.between(n, 'customer quarter', 100, 999) || '، زقاق '
            || pg_temp.between(n, 'customer lane', 1, 60) || '، دار ' || pg_temp.between(n, 'customer house', 1, 99) END,
    CASE
        WHEN NOT pg_temp.known(n, 'customer city') THEN NULL
        WHEN pg_temp.chance(n, 'customer city_ar', 0.3) THEN pg_temp.city_ar(place)
        ELSE pg_temp.city(place)
    END,
    pg_temp.pick(n, 'customer country', ARRAY['Iraq', 'Iraq', 'Iraq', 'Iraq', 'العراق', 'IQ', NULL]),
    CASE WHEN pg_temp.chance(n, 'customer tax', 0.4) THEN pg_temp.between(n, 'tax number', 100000000, 999999999)::text END,
    pg_temp.pick(n, 'customer limit', ARRAY[NULL, 0, 250000, 500000, 1000000, 1000000, 2500000.50, 5000000, 10000000,
        25000000, 50000000]),
    pg_temp.pick(n, 'customer terms', ARRAY[NULL, 0, 0, 7, 14, 15, 30, 30, 30, 45, 60, 90])::integer,
    pg_temp.pick(n, 'customer currency', ARRAY['IQD', 'IQD', 'IQD', 'IQD', 'IQD', 'IQD', 'USD', NULL]),
    CASE WHEN pg_temp.known(n, 'customer salesperson')
        THEN pg_temp.between(n, 'customer salesperson', 1, pg_temp.salespeople()) END,
    CASE WHEN pg_temp.known(n, 'customer points') THEN pg_temp.between(n, 'customer points', 0, 5000) END,
    pg_temp.mostly(n, 'customer active'),
    CASE WHEN pg_temp.known(n, 'customer created') THEN created END,
    CASE WHEN pg_temp.known(n, 'customer updated')
        THEN created + (pg_temp.moment(0) - created) * pg_temp.uniform(n, 'customer updated') END
FROM (
    SELECT n,
        pg_temp.person_ar(n, 'customer') AS person_ar,
        pg_temp.skewed(n, 'customer city', 15) - 1 AS place,
        pg_temp.moment(pg_temp.age(n, pg_temp.rows(2000, 40), 1000)) AS created
    FROM generate_series(1, pg_temp.rows(2000, 40)) AS n
) AS drawn;

INSERT INTO customer_addresses (id, customer_id, label, full_name, phone, address_line1, address_line2, city,
    country, is_default_shipping, is_active, is_deleted, created_at)
SELECT row_number() OVER (ORDER BY customer.id, place),
    customer.id,
    pg_temp.pick(n, 'address label', ARRAY['المنزل', 'العمل', 'المخزن', 'Home', 'Shop', NULL]),
    CASE WHEN pg_temp.known(n, 'address name') THEN customer.name END,
    CASE WHEN pg_temp.chance(n, 'address phone', 0.8) THEN pg_temp.phone(n, 'address') END,
    CASE WHEN pg_temp.known(n, 'address line1')
        THEN 'شارع ' || pg_temp.pick(n, 'address street', ARRAY['الكندي', 'الرشيد', 'السعدون', 'فلسطين', 'الجمهورية',
            'المتنبي', '14 رمضان', 'حيفا']) || '، بناية ' || pg_temp.between(n, 'address building', 1, 200) END,
    CASE WHEN pg_temp.chance(n, 'address line2', 0.3) THEN 'قرب ' || pg_temp.pick(n, 'address landmark',
        ARRAY['الجامع الكبير', 'المستشفى', 'مدرسة النهضة', 'السوق المركزي']) END,
    CASE WHEN pg_temp.known(n, 'address city') THEN pg_temp.city(pg_temp.skewed(n, 'address city', 15) - 1) END,
    CASE WHEN pg_temp.known(n, 'address country') THEN 'Iraq' END,
    CASE WHEN pg_temp.known(n, 'address default') THEN place = 1 OR pg_temp.chance(n, 'address default', 0.05) END,
    pg_temp.mostly(n, 'address active'),
    CASE WHEN pg_temp.known(n, 'address deleted') THEN pg_temp.chance(n, 'address deleted', 0.06) END,
    CASE WHEN pg_temp.known(n, 'address created') THEN (customer.created_at + interval '1 day') AT TIME ZONE 'UTC' END
FROM customers AS customer,
    generate_series(1, pg_temp.between(customer.id, 'address places', 0, 2)
        + (customer.id % 10 = 3)::integer * 2) AS place,
    LATERAL (SELECT customer.id::bigint * 8 + place) AS draw (n);
