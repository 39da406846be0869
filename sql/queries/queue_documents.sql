-- Adds documents to the backlog, each once. Sorted, so that two transactions that add the same ones meet in one order.
INSERT INTO projector.backlog AS b (document, id, section, queued_at)
SELECT {document}::text, id, {section}::text, coalesce({queued_at}::timestamptz, clock_timestamp())
FROM (SELECT DISTINCT id FROM ({ids}) AS found (id) WHERE id IS NOT NULL) AS ids
ORDER BY id
ON CONFLICT (document, id, section) DO UPDATE
SET queued_at = excluded.queued_at
WHERE b.queued_at > excluded.queued_at
