-- Adds documents to the backlog. One that waits already waits twice, until it is claimed: nobody has to wait for whoever
-- has it in hand now, and may have looked before this statement.
INSERT INTO projector.backlog (document, section, ids, queued_at, cause)
SELECT {document}::text, {section}::text, array_agg(id), coalesce({queued_at}::timestamptz, clock_timestamp()),
    {cause}::text
FROM (SELECT DISTINCT id FROM ({ids}) AS found (id) WHERE id IS NOT NULL) AS ids
GROUP BY id >> 6
