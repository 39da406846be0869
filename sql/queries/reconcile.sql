-- Queues the sections whose transactions of doubt have all ended.
WITH due AS (
    DELETE FROM projector.reconciliation
    WHERE after < pg_snapshot_xmin(pg_current_snapshot())
    RETURNING document, section
)
SELECT projector.queue_all(document, section, 'recheck') FROM due
