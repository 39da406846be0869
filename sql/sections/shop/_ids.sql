-- A shop for each branch, and 0 for all of them together.
SELECT b.id
FROM branches b
WHERE b.id <> 0
UNION ALL
SELECT 0
