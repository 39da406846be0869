-- Every customer may come to the shop.
SELECT c.id
FROM customers c
