-- Takes the next documents of the backlog behind the place where this builder stopped, in the order of the index.
DELETE FROM projector.backlog
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM projector.backlog
    WHERE id IS NOT NULL AND (document, id) > ($1, $2) AND document = ANY ($3)
    ORDER BY document, id
    LIMIT $4
    FOR UPDATE SKIP LOCKED))
RETURNING document, id, section, cause, pg_current_xact_id()::xid::text
