-- The products that are for sale.
SELECT p.id
FROM products p
WHERE p.is_active
