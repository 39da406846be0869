-- The columns of a table ($2) by name, each with its place in change events of that table ($1) where it has one.
SELECT a.attname::text, c.bit, c.slot
FROM pg_attribute a
LEFT JOIN projector.captured_column c ON c.source = $1::text AND c.name = a.attname
WHERE a.attrelid = to_regclass($2::text) AND a.attnum > 0 AND NOT a.attisdropped
