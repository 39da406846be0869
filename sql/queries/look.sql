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
     WHERE ids IS NULL),
    (WITH wanted AS (SELECT * FROM unnest($3::text[], $4::bigint[]) AS it (document, id))
     SELECT json_agg(json_build_array(queued.document, queued.id, queued.section))
     FROM (
        -- by place: there may be many rows of one, and many documents in it
        SELECT b.document, unnest(b.ids) AS id, b.section
        FROM (SELECT DISTINCT document, id >> 6 AS place FROM wanted) AS places
        JOIN projector.backlog b ON b.document = places.document AND b.place = places.place
        WHERE b.xmax <> $1::text::xid OR $1::text = '0'
     ) AS queued
     JOIN wanted ON wanted.document = queued.document AND wanted.id = queued.id),
    pg_snapshot_xmax(s.snapshot)::text::bigint,
    (SELECT json_agg(xip::text) FROM pg_snapshot_xip(s.snapshot) AS xip),
    (SELECT installed_at::text FROM projector.installation)
FROM pg_current_snapshot() AS s (snapshot)
