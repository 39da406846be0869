-- The tables of the schema projector that a worker writes and this role may not, and the sequence that it sets.
SELECT c.relname::text
FROM pg_class c
WHERE c.relnamespace = 'projector'::regnamespace
  AND CASE c.relkind
      WHEN 'r' THEN c.relname NOT IN ('installation', 'section', 'captured_column')
          AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
              AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))
      WHEN 'S' THEN c.relname = 'asleep' AND NOT has_sequence_privilege(c.oid, 'UPDATE')
      ELSE false
  END
ORDER BY 1
