-- The kind of document to audit next, held until the place is moved on: one with passes in haste left, else the one whose
-- last pass is the oldest.
SELECT document, place, hasty_passes > 0
FROM projector.audit
WHERE document = ANY ($1::text[])
ORDER BY hasty_passes > 0 DESC, finished_at NULLS FIRST, document
LIMIT 1
FOR UPDATE
