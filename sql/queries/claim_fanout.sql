-- Takes one fan-out that still has to be resolved into documents.
DELETE FROM projector.backlog
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM projector.backlog
    WHERE ids IS NULL AND document = ANY ($1::text[])
    LIMIT 1
    FOR UPDATE SKIP LOCKED))
RETURNING document, section, fanout, queued_at, cause
