-- The order of this snapshot among all of this primary: the number of transactions finished as it sees them.
-- And its clock, in microseconds.
SELECT pg_snapshot_xmax(snapshot)::text::bigint - (SELECT count(*) FROM pg_snapshot_xip(snapshot)),
    (extract(epoch FROM projector.now()) * 1000000)::bigint
FROM pg_current_snapshot() AS snapshot
