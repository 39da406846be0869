-- One look at a snapshot: its order among all of this primary (the number of transactions finished as it sees them),
-- its clock in microseconds, and what it has seen change that is not published yet. $1: the claim's own transaction,
-- whose events are known; $2: how many others at most; $3, $4: the documents that are about to be built.
SELECT
    pg_snapshot_xmax(s.snapshot)::text::bigint - (SELECT count(*) FROM pg_snapshot_xip(s.snapshot)),
    (extract(epoch FROM projector.now()) * 1000000)::bigint,
    (SELECT json_agg(json_build_array(source, operation::text, changed, key_1, key_2, key_3, key_4))
     FROM (SELECT source, operation, changed, key_1, key_2, key_3, key_4
           FROM projector.outbox
           WHERE xmax <> $1::text::xid
           LIMIT $2::int) AS events),
    (SELECT json_agg(json_build_array(document, section, fanout))
     FROM projector.backlog
     WHERE id IS NULL),
    (SELECT json_agg(json_build_array(b.document, b.id, b.section))
     FROM unnest($3::text[], $4::bigint[]) AS wanted (document, id)
     JOIN projector.backlog b ON b.document = wanted.document AND b.id = wanted.id)
FROM pg_current_snapshot() AS s (snapshot)
