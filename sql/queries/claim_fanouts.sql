-- Takes the fan-outs that ask for all documents of their kind, to be resolved together; where none does, one other.
WITH whole AS (
    SELECT ctid FROM projector.backlog
    WHERE ids IS NULL AND document = ANY ($1::text[]) AND section = '*' AND fanout = '{"all": true}'
    FOR UPDATE SKIP LOCKED
), other AS (
    SELECT ctid FROM projector.backlog
    WHERE ids IS NULL AND document = ANY ($1::text[]) AND NOT EXISTS (SELECT FROM whole)
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
DELETE FROM projector.backlog
WHERE ctid = ANY (ARRAY(SELECT ctid FROM whole UNION ALL SELECT ctid FROM other))
RETURNING document, section, fanout, queued_at, cause
