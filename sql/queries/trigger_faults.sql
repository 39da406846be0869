-- The triggers that ought to be on each table that an installed view reads, and on its partitions and children, and that are
-- not, or do not fire in an ordinary session: the table that the views name, the relation, the trigger. $1: the names.
WITH RECURSIVE read (source, relation) AS (
    SELECT c.relname::text, c.oid
    FROM pg_class v
    JOIN pg_rewrite r ON r.ev_class = v.oid
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
    JOIN pg_class c ON c.oid = d.refobjid AND c.relkind IN ('r', 'p')
    WHERE v.relkind = 'v' AND v.relnamespace = 'projector'::regnamespace
    UNION
    SELECT read.source, i.inhrelid
    FROM read
    JOIN pg_inherits i ON i.inhparent = read.relation
)
SELECT read.source, c.relname::text, wanted.name, CASE WHEN t.oid IS NULL THEN 'missing' ELSE 'disabled' END
FROM read
JOIN pg_class c ON c.oid = read.relation AND c.relkind IN ('r', 'p')
CROSS JOIN unnest($1::text[]) AS wanted (name)
LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgname = wanted.name AND NOT t.tgisinternal
WHERE t.oid IS NULL OR t.tgenabled NOT IN ('O', 'A')
ORDER BY 1, 2, 3
