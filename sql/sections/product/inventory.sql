-- What is in stock, in all and in each warehouse.
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
        'total_quantity', stock.on_hand,
        'available_quantity', stock.available,
        'is_available', stock.available > 0,
        'by_branch', stock.by_branch
    ) AS value,
    NULL::timestamptz AS valid_until
FROM products p
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(item.quantity), 0) AS on_hand,
        coalesce(sum(item.available_quantity), 0) AS available,
        coalesce(json_agg(row_to_json(item)), '[]') AS by_branch
    FROM (
        SELECT
            w.branch_id,
            b.name AS branch_name,
            i.warehouse_id,
            w.name AS warehouse_name,
            projector.finite(i.quantity_on_hand) AS quantity,
            projector.finite(i.quantity_reserved) AS reserved_quantity,
            coalesce(projector.finite(i.quantity_on_hand), 0) - coalesce(projector.finite(i.quantity_reserved), 0)
                AS available_quantity,
            coalesce(projector.instant(i.updated_at), projector.instant(i.created_at)) AS last_updated
        FROM inventory_items i
        LEFT JOIN warehouses w ON w.id = i.warehouse_id
        LEFT JOIN branches b ON b.id = w.branch_id
        WHERE i.product_id = p.id
        ORDER BY w.branch_id, i.warehouse_id, i.id
    ) AS item
) AS stock
