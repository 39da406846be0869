-- Branches, warehouses, people, currencies: the small tables that everything else refers to.

INSERT INTO branches (id, name, name_ar, code, address, is_active, created_at)
SELECT n,
    pg_temp.city(n - 1) || ' Branch' || CASE WHEN n > 15 THEN ' ' || (n + 14) / 15 ELSE '' END,
    CASE WHEN n <> 4 THEN
        'فرع ' || pg_temp.city_ar(n - 1) || CASE WHEN n > 15 THEN ' ' || (n + 14) / 15 ELSE '' END END,
    CASE WHEN n <> 5 THEN 'BR' || lpad(n::text, 2, '0') END,
    CASE WHEN n <> 3 THEN 'شارع ' || pg_temp.pick(n, 'branch street',
        ARRAY['الكندي', 'الرشيد', 'السعدون', 'فلسطين', 'الجمهورية', 'المتنبي']) END,
    CASE WHEN n <> 5 THEN n <> 4 END,
    CASE WHEN n <> 3 THEN pg_temp.today() - 3000 + 90 * n END
FROM generate_series(1, pg_temp.branch_count()) AS n;

INSERT INTO warehouses (id, name, name_ar, branch_id, capacity_m3, is_active, created_at)
SELECT n,
    pg_temp.city(place) || CASE n % 2 WHEN 1 THEN ' Main Warehouse' ELSE ' Reserve Warehouse' END,
    CASE WHEN n <> 6 THEN
        'مخزن ' || pg_temp.city_ar(place) || CASE n % 2 WHEN 1 THEN ' الرئيسي' ELSE ' الاحتياطي' END END,
    CASE WHEN n <> 10 THEN place + 1 END,
    CASE WHEN n <> 8 THEN pg_temp.between(n, 'warehouse capacity', 5, 80) * 100 END,
    CASE WHEN n <> 8 THEN n <> 9 END,
    CASE WHEN n <> 6 THEN pg_temp.moment(2900 - 40 * (n + pg_temp.uniform(n, 'warehouse created'))) END
FROM generate_series(1, 2 * pg_temp.branch_count()) AS n, LATERAL (SELECT (n - 1) / 2) AS branch (place);

INSERT INTO roles (id, name)
VALUES (1, 'Administrator'), (2, 'Sales Manager'), (3, 'Salesperson'), (4, 'Accountant'), (5, 'أمين مخزن');

-- Salespeople come first, then the others, who have none of is_salesperson.
INSERT INTO users (id, name, email, phone, role_id, branch_id, is_salesperson, is_active, password,
    last_login_at, created_at)
SELECT n,
    CASE WHEN pg_temp.chance(n, 'user arabic', 0.5)
        THEN pg_temp.person_ar(n, 'user') ELSE pg_temp.person(n, 'user') END,
    CASE WHEN n % 50 <> 4 THEN 'user' || n || '@erp.example.iq' END,
    CASE WHEN pg_temp.known(n, 'user phone') THEN pg_temp.phone(n, 'user') END,
    CASE WHEN n = 2 OR NOT pg_temp.known(n, 'user role') THEN NULL
        WHEN sells THEN 3
        ELSE (ARRAY[1, 2, 4, 5])[1 + n % 4] END,
    CASE WHEN n % 50 <> 5
        THEN pg_temp.between(n, 'user branch', 1, pg_temp.branch_count()) END,
    CASE WHEN sells OR n % 2 = 0 THEN sells END,
    CASE WHEN n % 50 <> 3 THEN pg_temp.mostly(n, 'user active') END,
    '$2b$12$' || md5('user' || n),
    CASE WHEN pg_temp.chance(n, 'user login', 0.8) THEN pg_temp.moment(10 * pg_temp.uniform(n, 'user login')) END,
    CASE WHEN n % 50 <> 6
        THEN pg_temp.moment(300 + 900 * pg_temp.uniform(n, 'user created')) AT TIME ZONE 'UTC' END
FROM generate_series(1, pg_temp.salespeople() + pg_temp.rows(7, 4)) AS n,
    LATERAL (SELECT n <= pg_temp.salespeople()) AS role (sells);

INSERT INTO currencies (id, code, symbol, exchange_rate, is_base_currency, is_active)
VALUES
    (1, 'IQD', 'د.ع', 1, true, true),
    (2, 'USD', '$', 1310.50, false, true),
    (3, 'EUR', '€', 1425.1275, false, true),
    (4, 'TRY', NULL, 38.0625, NULL, true),
    (5, 'GBP', '£', NULL, false, false),
    (6, 'IRR', NULL, 0.03113, false, NULL);

INSERT INTO suppliers (id, name, name_ar, country, phone, is_active, created_at)
SELECT n,
    pg_temp.person(n, 'supplier') || ' Import Co.',
    CASE WHEN pg_temp.known(n, 'supplier name') THEN 'شركة ' || pg_temp.person_ar(n, 'supplier') || ' للاستيراد' END,
    pg_temp.pick(n, 'supplier country', ARRAY['Iraq', 'Türkiye', 'China', 'Jordan', 'UAE', NULL]),
    CASE WHEN pg_temp.known(n, 'supplier phone') THEN pg_temp.phone(n, 'supplier') END,
    pg_temp.mostly(n, 'supplier active'),
    pg_temp.moment(pg_temp.age(n, pg_temp.rows(50), 1500))
FROM generate_series(1, pg_temp.rows(50)) AS n;
