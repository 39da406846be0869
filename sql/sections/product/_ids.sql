-- Every product has its document.
SELECT p.id
FROM products p
