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
            w.branch_id,
            b.name AS branch_name,
            sum(coalesce(projector.finite(i.quantity_on_hand), 0)
                - coalesce(projector.finite(i.quantity_reserved), 0)) AS available
        FROM inventory_items i
        LEFT JOIN warehouses w ON w.id = i.warehouse_id
        LEFT JOIN branches b ON b.id = w.branch_id
        WHERE i.product_id = p.id
        GROUP BY w.branch_id, b.name
        ORDER BY w.branch_id
    ) AS branch
) AS stock
WHERE p.is_active
