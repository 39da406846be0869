-- Ids go on after the generated ones, the planner knows the new tables, and nothing of the generator stays.

DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['branches', 'warehouses', 'roles', 'users', 'currencies', 'suppliers',
        'categories', 'products', 'inventory_items', 'pricing_lists', 'product_prices', 'customers',
        'customer_addresses', 'reviews', 'sales_orders', 'sales_items', 'sales_invoices', 'invoice_payments',
        'carts', 'cart_items', 'promotions', 'audit_log']
    LOOP
        EXECUTE format('SELECT setval(pg_get_serial_sequence(%L, ''id''), max(id)) FROM %I', table_name, table_name);
        EXECUTE format('ANALYZE %I', table_name);
    END LOOP;
END
$$;

DROP FUNCTION pg_temp.phone, pg_temp.person_ar, pg_temp.person, pg_temp.city_ar, pg_temp.city, pg_temp.moment,
    pg_temp.age, pg_temp.skewed, pg_temp.pick(bigint, text, numeric[]), pg_temp.pick(bigint, text, text[]),
    pg_temp.mostly, pg_temp.known, pg_temp.chance, pg_temp.between, pg_temp.uniform, pg_temp.salespeople,
    pg_temp.branch_count, pg_temp.rows, pg_temp.today, pg_temp.scale, pg_temp.seed;
