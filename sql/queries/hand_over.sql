-- Statements that give everything in the schema to a role, what is not its own yet.
SELECT format('ALTER TABLE %s OWNER TO %I', c.oid::regclass, $1::text)
FROM pg_class c
WHERE c.relnamespace = 'projector'::regnamespace
    AND c.relkind IN ('r', 'p', 'v', 'S')
    AND pg_get_userbyid(c.relowner) <> $1
    -- A sequence that belongs to a column goes with its table.
    AND NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i') AND c.relkind = 'S'
    )
UNION ALL
SELECT format('ALTER ROUTINE %s OWNER TO %I', p.oid::regprocedure, $1::text)
FROM pg_proc p
WHERE p.pronamespace = 'projector'::regnamespace AND pg_get_userbyid(p.proowner) <> $1
