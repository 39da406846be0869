-- What can be had, in all and in each branch.
-- route products.id
-- route inventory_items.product_id
-- route warehouses.id -> SELECT product_id FROM inventory_items WHERE warehouse_id = ANY($1)
-- route branches.id -> SELECT i.product_id FROM warehouses w JOIN inventory_items i ON i.warehouse_id = w.id
--   WHERE w.branch_id = ANY($1)
-- index inventory_items (product_id)
-- index inventory_items (warehouse_id, product_id)
-- index warehouses (branch_id)
SELECT
    p.id,
    json_build_object(
        'in_stock', stock.available > 0,
        'stock_quantity', stock.available,
        'by_branch', stock.by_branch
    ) AS value,
    NULL::timestamptz AS valid_until
FROM products p
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(branch.available), 0) AS available,
        coalesce(json_agg(row_to_json(branch)), '[]') AS by_branch
    FROM (
        SELECT
            it.branch_id,
            b.name AS branch_name,
            sum(it.available) AS available
        FROM projector.shared_stock it
        LEFT JOIN branches b ON b.id = it.branch_id
        WHERE it.product_id = p.id
        GROUP BY it.branch_id, b.name
        ORDER BY it.branch_id
    ) AS branch
) AS stock
WHERE p.is_active
