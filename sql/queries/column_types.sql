-- The columns of a table: name, and whether IS DISTINCT FROM tells every difference that a document could show.
-- json has no equality, unbounded numerics keep digits that equal numbers need not share, floats have two zeros,
-- and a nondeterministic collation or an unknown type may call different texts equal.
SELECT a.attname::text,
    t.typname IN ('int2', 'int4', 'int8', 'bool', 'date', 'timestamp', 'timestamptz', 'uuid')
    OR t.typtype = 'e'
    OR (t.typname = 'numeric' AND a.atttypmod <> -1)
    OR (t.typname IN ('text', 'varchar', 'bpchar') AND coalesce(c.collisdeterministic, true))
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_collation c ON c.oid = a.attcollation
WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped
