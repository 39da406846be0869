-- Takes change events ($4 false) or documents that they left (true), which nobody else holds, behind the horizon ($1)
-- and of the transactions before it that are still open ($2); they come back if the transaction does not commit.
DELETE FROM projector.outbox
WHERE ctid = ANY (
    ARRAY(SELECT ctid FROM projector.outbox WHERE xid >= $1 AND (operation = 'B') = $4
        ORDER BY xid LIMIT $3 FOR UPDATE SKIP LOCKED)
    || ARRAY(SELECT ctid FROM projector.outbox WHERE xid = ANY ($2) AND (operation = 'B') = $4
        LIMIT $3 FOR UPDATE SKIP LOCKED))
RETURNING source, operation::text, changed, key_1, key_2, key_3, key_4, fault, xid::text::bigint,
    greatest(date_part('epoch', clock_timestamp() - at), 0), pg_current_xact_id()::xid::text
