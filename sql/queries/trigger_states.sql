-- Our triggers on the ERP's tables: schema, relation, trigger, in which sessions it fires (O ordinary ones, R replica,
-- A all, D none), and its function.
SELECT n.nspname::text, c.relname::text, t.tgname::text, t.tgenabled::text, p.proname::text
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_proc p ON p.oid = t.tgfoid
WHERE p.pronamespace = to_regnamespace('projector') AND n.nspname <> 'projector' AND NOT t.tgisinternal AND t.tgparentid = 0
