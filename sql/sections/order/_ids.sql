-- The orders that exist.
SELECT o.id
FROM sales_orders o
