-- The letters of these documents ($1), ids ($2, or all) and section ($3, or all).
SELECT d.document, d.id, d.section, d.error, d.attempts, d.failed_at,
    CASE WHEN d.id IS NOT NULL OR s.fault IS NULL THEN d.retry_at END
FROM projector.dead_letter d
LEFT JOIN projector.section s ON s.document = d.document AND s.name = d.section
WHERE d.document = ANY ($1::text[])
    AND ($2::bigint[] IS NULL OR d.id = ANY ($2::bigint[]))
    AND ($3::text IS NULL OR d.section = $3::text)
ORDER BY d.document, d.section, d.id NULLS FIRST
