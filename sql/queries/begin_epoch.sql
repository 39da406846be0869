-- A new epoch, behind all that were here and ($1) in Redis; none where somebody else has just begun one. Two workers
-- that find it missing at once choose the same number, and the second waits for the first.
WITH source AS (
    SELECT system_identifier, ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int AS timeline
    FROM pg_control_system()
), begun AS (
    INSERT INTO projector.epoch (epoch, system_identifier, timeline)
    SELECT
        greatest($1::bigint, (SELECT coalesce(max(epoch), 0) FROM projector.epoch)) + 1,
        system_identifier,
        timeline
    FROM source
    WHERE NOT EXISTS (
        SELECT FROM projector.current_epoch
        JOIN projector.epoch USING (epoch)
        JOIN source USING (system_identifier, timeline)
    )
    ON CONFLICT DO NOTHING
    RETURNING epoch
)
INSERT INTO projector.current_epoch (epoch)
SELECT epoch FROM begun
RETURNING epoch
