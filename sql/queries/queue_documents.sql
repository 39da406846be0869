-- Adds documents to the backlog, each once. Sorted, so that two transactions that add the same ones meet in one order.
-- One that waits already and was asked for earlier is not even locked: whoever claims it looks after this statement, or
-- has it in hand now, and then this statement waits for it.
INSERT INTO projector.backlog AS b (document, id, section, queued_at, cause)
SELECT {document}::text, id, {section}::text, coalesce({queued_at}::timestamptz, clock_timestamp()), {cause}::text
FROM (SELECT DISTINCT id FROM ({ids}) AS found (id) WHERE id IS NOT NULL) AS ids
ORDER BY id
ON CONFLICT (document, id, section) {conflict}
