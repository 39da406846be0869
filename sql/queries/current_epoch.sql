-- The epoch of the cluster and timeline that this connection talks to; none where it is new. The timeline is read off
-- the name of the present WAL file: the control file tells a promoted server's only after its first checkpoint.
SELECT e.epoch
FROM pg_control_system() AS s
JOIN projector.epoch e ON e.system_identifier = s.system_identifier
WHERE e.timeline = ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int
