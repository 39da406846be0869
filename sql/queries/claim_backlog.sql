-- Takes the next documents of the backlog behind the place where this builder stopped, in the order of the index.
DELETE FROM projector.backlog
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM projector.backlog
    WHERE id IS NOT NULL AND (document, id) > ($1::text, $2::bigint) AND document = ANY ($3::text[])
    ORDER BY document, id
    LIMIT $4::int
    FOR UPDATE SKIP LOCKED))
RETURNING document, id, section, pg_current_xact_id()::xid::text
