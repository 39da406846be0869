-- The change events of a snapshot that nobody has published yet, as JSON: those behind the horizon (low) and of the
-- transactions before it that are still open (opened), but none of the claim's own. So many at most of each.
-- A function for its setting: with parameters unknown the planner takes a range for a third of the table, and would
-- read all that a long transaction keeps from being vacuumed.
CREATE OR REPLACE FUNCTION projector.waiting_events(low xid8, opened xid8[], claim xid, most integer) RETURNS json
    LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
BEGIN
    RETURN (
        SELECT json_agg(json_build_array(
            e.source, e.operation::text, e.changed, e.key_1, e.key_2, e.key_3, e.key_4, e.fault, e.xid::text))
        FROM (
            (SELECT * FROM projector.outbox o WHERE o.xid >= low AND o.xmax <> claim ORDER BY o.xid LIMIT most)
            UNION ALL
            (SELECT * FROM projector.outbox o WHERE o.xid = ANY (opened) AND o.xmax <> claim LIMIT most)
        ) AS e
    );
END
$$;
