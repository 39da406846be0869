-- The tables and columns that a view reads, through other views too, as PostgreSQL itself recorded them.
WITH RECURSIVE read AS (
    SELECT d.refobjid AS relation, d.refobjsubid AS attribute
    FROM pg_rewrite r
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class
    WHERE r.ev_class = to_regclass($1::text)
    UNION
    SELECT d.refobjid, d.refobjsubid
    FROM read
    JOIN pg_rewrite r ON r.ev_class = read.relation
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class
)
SELECT DISTINCT c.relname::text, a.attname::text
FROM read
JOIN pg_class c ON c.oid = read.relation AND c.relkind IN ('r', 'p', 'f', 'm')
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = read.attribute AND a.attnum > 0
ORDER BY 1, 2
