-- The ten newest products that can be had.
-- route branches.id -> SELECT unnest($1)
-- route warehouses.branch_id -> SELECT unnest($1)
-- route inventory_items.product_id, warehouse_id -> SELECT s.id FROM (
--   SELECT 0 AS id UNION SELECT w.branch_id FROM warehouses w WHERE w.id = ANY($2)) AS s
--   WHERE EXISTS (SELECT FROM products p WHERE p.id = ANY($1) AND p.is_active)
-- route products -> SELECT id FROM projector.shop
-- route product_prices.product_id -> SELECT s.id FROM projector.shop s
--   WHERE EXISTS (SELECT FROM products p WHERE p.id = ANY($1) AND p.is_active)
-- route pricing_lists -> SELECT id FROM projector.shop
-- index inventory_items (product_id)
-- index warehouses (branch_id)
-- index product_prices (product_id)
-- index products (created_at DESC NULLS LAST, id DESC) WHERE is_active
SELECT
    s.id,
    shown.list AS value,
    shown.valid_until
FROM projector.shop s
CROSS JOIN LATERAL (
    SELECT
        coalesce(json_agg(product.card ORDER BY chosen.created_at DESC NULLS LAST, chosen.id DESC), '[]') AS list,
        min(product.valid_until) AS valid_until
    FROM (
        SELECT p.id, p.created_at
        FROM products p
        WHERE p.is_active
            AND (
                SELECT sum(stock.available)
                FROM projector.shared_stock stock
                WHERE stock.product_id = p.id AND (s.id = 0 OR stock.branch_id = s.id)
            ) > 0
        ORDER BY p.created_at DESC NULLS LAST, p.id DESC
        LIMIT (SELECT 10) -- not a plain 10, for which the planner may sort all of them
    ) AS chosen
    -- OFFSET 0: found by key, never by a hash of the whole table
    CROSS JOIN LATERAL (
        SELECT it.card, it.valid_until FROM projector.shared_card it WHERE it.id = chosen.id OFFSET 0
    ) AS product
) AS shown
