-- Where triggers belong: each captured table ($1 schema, $2 names) with its partitions and children, which statements
-- may name directly. Whether we may say in which sessions its triggers fire, and whether logical replication fills it.
WITH RECURSIVE target (relation, source) AS (
    SELECT oid, relname::text
    FROM pg_class
    WHERE relnamespace = $1::text::regnamespace AND relname = ANY ($2::text[]) AND relkind IN ('r', 'p')
    UNION
    SELECT i.inhrelid, t.source
    FROM target t
    JOIN pg_inherits i ON i.inhparent = t.relation
)
SELECT
    t.source,
    n.nspname::text,
    c.relname::text,
    pg_has_role(c.relowner, 'USAGE'),
    EXISTS (SELECT FROM pg_subscription_rel s WHERE s.srrelid = c.oid)
FROM target t
JOIN pg_class c ON c.oid = t.relation AND c.relkind IN ('r', 'p')
JOIN pg_namespace n ON n.oid = c.relnamespace
ORDER BY 1, 2, 3
