-- One look at a snapshot: its order among all of this primary (the number of transactions finished as it sees them),
-- its clock in microseconds, and what it has seen change that is not published yet. $1: the claim's own transaction,
-- whose events and documents are known; $2: how many others at most; $3, $4: the documents that are about to be built; $5, $6: the
-- horizon and the open transactions before it. Last, the snapshot itself, for the next horizon, and the installation:
-- what triggers of a later one wrote must not be read with the definitions of an earlier one.
SELECT
    pg_snapshot_xmax(s.snapshot)::text::bigint - (SELECT count(*) FROM pg_snapshot_xip(s.snapshot)),
    (extract(epoch FROM projector.now()) * 1000000)::bigint,
    projector.waiting_events($5, $6, $1::text::xid, $2),
    (SELECT json_agg(json_build_array(document, section, fanout))
     FROM projector.backlog
     WHERE id IS NULL),
    (SELECT json_agg(json_build_array(b.document, b.id, b.section))
     FROM unnest($3::text[], $4::bigint[]) AS wanted (document, id)
     JOIN projector.backlog b ON b.document = wanted.document AND b.id = wanted.id
     WHERE b.xmax <> $1::text::xid OR $1::text = '0'),
    pg_snapshot_xmax(s.snapshot)::text::bigint,
    (SELECT json_agg(xip::text) FROM pg_snapshot_xip(s.snapshot) AS xip),
    (SELECT installed_at::text FROM projector.installation)
FROM pg_current_snapshot() AS s (snapshot)
