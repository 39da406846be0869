-- Adds documents to the backlog, each once. Sorted, so that two transactions that add the same ones meet in one order.
INSERT INTO projector.backlog AS b (document, id, section, queued_at)
SELECT $1::text, id, $2::text, coalesce($4::timestamptz, clock_timestamp())
FROM (SELECT DISTINCT id FROM unnest($3::bigint[]) AS id) AS ids
ORDER BY id
ON CONFLICT (document, id, section) DO UPDATE
SET queued_at = excluded.queued_at
WHERE b.queued_at > excluded.queued_at
