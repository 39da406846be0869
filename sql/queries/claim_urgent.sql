-- Takes documents that fresh changes queued because they take long to build.
DELETE FROM projector.backlog
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM projector.backlog
    WHERE urgent AND id IS NOT NULL
    LIMIT $1
    FOR UPDATE SKIP LOCKED))
RETURNING document, id, section, pg_current_xact_id()::xid::text
