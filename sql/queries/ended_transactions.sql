-- Which of these transactions ($1) have ended as a snapshot sees it; of the others, whether they may be none yet; and
-- whether changes may be in no event, because capture is or was paused, or a trigger does not fire.
SELECT
    t.xid::text::bigint,
    pg_visible_in_snapshot(t.xid, s.snapshot),
    t.xid >= pg_snapshot_xmax(s.snapshot),
    EXISTS (SELECT FROM projector.installation WHERE paused_at IS NOT NULL)
        OR EXISTS (SELECT FROM projector.reconciliation)
        OR EXISTS (SELECT FROM projector.trigger_fault)
FROM (SELECT pg_current_snapshot() OFFSET 0) AS s (snapshot)
CROSS JOIN unnest($1::text::xid8[]) AS t (xid)
