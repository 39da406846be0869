-- Every customer has its document.
SELECT c.id
FROM customers c
