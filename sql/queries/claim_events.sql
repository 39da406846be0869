-- Takes change events that nobody else holds; they come back if the transaction does not commit.
DELETE FROM projector.outbox
WHERE ctid = ANY (ARRAY(SELECT ctid FROM projector.outbox LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING source, operation::text, changed, key_1, key_2, key_3, key_4, pg_current_xact_id()::xid::text
