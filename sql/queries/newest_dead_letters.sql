-- The newest letters, at most $1 of them, sections that are broken as a whole first; of each error $2 characters.
SELECT d.document, d.id, d.section, left(d.error, $2), d.attempts, d.failed_at,
    CASE WHEN d.id IS NOT NULL OR s.fault IS NULL THEN d.retry_at END
FROM projector.dead_letter d
LEFT JOIN projector.section s ON s.document = d.document AND s.name = d.section
ORDER BY d.id IS NULL DESC, d.failed_at DESC, d.document, d.section, d.id
LIMIT $1
