-- The ten products that sold most in the last 30 days, everywhere, of those that can be had in the shop.
-- route branches.id -> SELECT unnest($1)
-- route warehouses.branch_id -> SELECT unnest($1)
-- route inventory_items.product_id, warehouse_id -> SELECT s.id FROM (
--   SELECT 0 AS id UNION SELECT w.branch_id FROM warehouses w WHERE w.id = ANY($2)) AS s
--   WHERE EXISTS (SELECT FROM products p WHERE p.id = ANY($1) AND p.is_active)
-- route products -> SELECT id FROM projector.shop
-- route product_prices.product_id -> SELECT s.id FROM projector.shop s
--   WHERE EXISTS (SELECT FROM products p WHERE p.id = ANY($1) AND p.is_active)
-- route pricing_lists -> SELECT id FROM projector.shop
-- route sales_orders -> SELECT id FROM projector.shop
-- route sales_items.sales_order_id -> SELECT s.id FROM projector.shop s WHERE EXISTS (
--   SELECT FROM sales_orders o WHERE o.id = ANY($1)
--   AND o.created_at >= projector.midnight(projector.today() - 30)
--   AND o.created_at < projector.midnight(projector.today() + 2))
-- index inventory_items (product_id)
-- index warehouses (branch_id)
-- index product_prices (product_id)
-- index sales_orders (created_at)
-- index sales_items (sales_order_id)
WITH sold AS MATERIALIZED (
    -- read once a query, however many shops it builds
    SELECT i.product_id AS id, coalesce(sum(projector.finite(i.quantity)), 0) AS quantity
    FROM sales_orders o
    JOIN sales_items i ON i.sales_order_id = o.id
    WHERE o.created_at >= projector.midnight(projector.today() - 29)
        AND o.created_at < projector.midnight(projector.today() + 1)
        AND upper(o.status::text) IS DISTINCT FROM 'CANCELLED'
        AND i.product_id IS NOT NULL
    GROUP BY i.product_id
)
SELECT
    s.id,
    shown.list AS value,
    least(shown.valid_until, projector.midnight(projector.today() + 1)) AS valid_until
FROM projector.shop s
CROSS JOIN LATERAL (
    SELECT
        coalesce(json_agg(product.card ORDER BY chosen.quantity DESC, chosen.id), '[]') AS list,
        min(product.valid_until) AS valid_until
    FROM (
        SELECT p.id, ranked.quantity
        -- sorted first, so that the stock is asked of the best sellers only, until there are ten
        FROM (SELECT id, quantity FROM sold ORDER BY quantity DESC, id OFFSET 0) AS ranked
        CROSS JOIN LATERAL (
            SELECT p.id
            FROM products p
            WHERE p.id = ranked.id AND p.is_active
            OFFSET 0
        ) AS p
        WHERE (
                SELECT sum(stock.available)
                FROM projector.shared_stock stock
                WHERE stock.product_id = p.id AND (s.id = 0 OR stock.branch_id = s.id)
            ) > 0
        ORDER BY ranked.quantity DESC, ranked.id
        LIMIT (SELECT 10)
    ) AS chosen
    -- OFFSET 0: found by key, never by a hash of the whole table
    CROSS JOIN LATERAL (
        SELECT it.card, it.valid_until FROM projector.shared_card it WHERE it.id = chosen.id OFFSET 0
    ) AS product
) AS shown
