-- Queues the sections whose transactions of doubt have all ended.
WITH due AS (
    DELETE FROM projector.reconciliation
    WHERE after < pg_snapshot_xmin(pg_current_snapshot())
    RETURNING document, section
)
INSERT INTO projector.backlog (document, section, fanout)
SELECT document, section, '{"all": true}'
FROM due
ON CONFLICT DO NOTHING
RETURNING document
