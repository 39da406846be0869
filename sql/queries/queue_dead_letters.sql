-- Puts letters whose pause is over into the backlog; those that wait there, or are in a builder's hands, stay alone.
-- Sections that are broken as a whole are left out: their documents would come back at once.
INSERT INTO projector.backlog (document, section, ids, cause)
SELECT d.document, d.section, array_agg(d.id), 'retry'
FROM projector.dead_letter d
WHERE d.id IS NOT NULL AND d.retry_at <= clock_timestamp()
    AND NOT EXISTS (
        SELECT FROM projector.backlog b
        WHERE b.document = d.document AND b.place = d.id >> 6 AND b.section = d.section AND d.id = ANY (b.ids))
    AND NOT EXISTS (
        SELECT FROM projector.dead_letter s WHERE s.document = d.document AND s.section = d.section AND s.id IS NULL)
GROUP BY d.document, d.section, d.id >> 6
