-- Heartbeats that nobody has claimed: who sent them stops, and perhaps nobody is left.
DELETE FROM projector.outbox
WHERE ctid = ANY (ARRAY(SELECT ctid FROM projector.outbox WHERE operation = 'H' FOR UPDATE SKIP LOCKED))
