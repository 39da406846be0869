-- What can be had of a product, by stock item, with the branch that it lies in.
SELECT
    i.product_id,
    w.branch_id,
    coalesce(projector.finite(i.quantity_on_hand), 0) - coalesce(projector.finite(i.quantity_reserved), 0) AS available
FROM inventory_items i
LEFT JOIN warehouses w ON w.id = i.warehouse_id
