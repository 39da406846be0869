-- Adds fan-outs ($1 kinds, $2 sections, $3 contents, $4 causes, side by side) of documents that are not built at every change.
-- While one of the same section waits, however it came, the next one stands for all documents of the kind: two rows a
-- section at most, and nothing to add while the second waits. As in queue_fanout a locked one does not count.
INSERT INTO projector.backlog (document, section, fanout, cause)
SELECT DISTINCT ON (wanted.document, wanted.section)
    wanted.document,
    wanted.section,
    CASE WHEN waiting.fanouts IS NULL AND wanted.fanouts = 1 THEN wanted.fanout ELSE '{"all": true}' END,
    wanted.cause
FROM (
    SELECT document, section, fanout::jsonb, cause, count(*) OVER (PARTITION BY document, section) AS fanouts
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS wanted (document, section, fanout, cause)
) AS wanted
CROSS JOIN LATERAL (
    SELECT array_agg(b.fanout) AS fanouts
    FROM (
        SELECT fanout FROM projector.backlog
        WHERE ids IS NULL AND document = wanted.document AND section = wanted.section
        FOR KEY SHARE SKIP LOCKED
    ) AS b
) AS waiting
WHERE '{"all": true}' <> ALL (coalesce(waiting.fanouts, '{}'))
