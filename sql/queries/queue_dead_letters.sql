-- Puts letters whose pause is over into the backlog; those that wait there, or are in a builder's hands, stay alone.
-- Sections that are broken as a whole are left out: their documents would come back at once.
INSERT INTO projector.backlog (document, id, section, cause)
SELECT d.document, d.id, d.section, 'retry'
FROM projector.dead_letter d
WHERE d.id IS NOT NULL AND d.retry_at <= clock_timestamp()
    AND NOT EXISTS (
        SELECT FROM projector.backlog b WHERE b.document = d.document AND b.id = d.id AND b.section = d.section)
    AND NOT EXISTS (
        SELECT FROM projector.dead_letter s WHERE s.document = d.document AND s.section = d.section AND s.id IS NULL)
ORDER BY d.document, d.section, d.id
ON CONFLICT DO NOTHING
