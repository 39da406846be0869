-- A new epoch, behind all that were here and ($1) in Redis. Two workers that find it at once agree on one.
INSERT INTO projector.epoch (epoch, system_identifier, timeline)
SELECT
    greatest($1::bigint, (SELECT coalesce(max(epoch), 0) FROM projector.epoch)) + 1,
    s.system_identifier,
    ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int
FROM pg_control_system() AS s
ON CONFLICT DO NOTHING
RETURNING epoch
