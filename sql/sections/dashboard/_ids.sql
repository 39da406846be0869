-- The users who have a dashboard: salespeople, and whoever has created an order.
SELECT u.id
FROM users u
WHERE u.is_salesperson
    OR EXISTS (SELECT FROM sales_orders o WHERE o.created_by = u.id)
