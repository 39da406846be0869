-- Our triggers on the ERP's tables: table, trigger, and whether it fires in an ordinary session.
SELECT c.relname::text, t.tgname::text, t.tgenabled IN ('O', 'A')
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_proc p ON p.oid = t.tgfoid
WHERE p.pronamespace = 'projector'::regnamespace AND NOT t.tgisinternal AND c.relnamespace = $1::text::regnamespace
