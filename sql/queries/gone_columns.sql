-- Tables with captured columns that the ERP has renamed or dropped since the last installation, and these columns; none
-- where the whole table is gone. $1: the ERP's schema, quoted.
SELECT c.source, array_agg(c.name ORDER BY c.name) FILTER (WHERE r.oid IS NOT NULL)
FROM projector.captured_column c
LEFT JOIN pg_class r ON r.oid = to_regclass($1::text || '.' || quote_ident(c.source))
LEFT JOIN pg_attribute a ON a.attrelid = r.oid AND a.attname = c.name AND a.attnum > 0 AND NOT a.attisdropped
WHERE a.attname IS NULL
GROUP BY c.source
ORDER BY c.source
