-- Adds documents to the backlog, each once. Sorted, so that two transactions that add the same ones meet in one order.
INSERT INTO projector.backlog AS b (document, id, section, urgent, queued_at)
SELECT $1::text, id, $2::text, $4::boolean, coalesce($5::timestamptz, clock_timestamp())
FROM (SELECT DISTINCT id FROM unnest($3::bigint[]) AS id) AS ids
ORDER BY id
ON CONFLICT (document, id, section) DO UPDATE
SET urgent = b.urgent OR excluded.urgent, queued_at = least(b.queued_at, excluded.queued_at)
WHERE b.queued_at > excluded.queued_at OR excluded.urgent > b.urgent
