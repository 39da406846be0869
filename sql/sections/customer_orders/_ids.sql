-- Every customer has a list of orders.
SELECT c.id
FROM customers c
