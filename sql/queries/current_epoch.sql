-- The epoch of the cluster and timeline that this connection talks to; none where it is new, or has crashed since. The
-- timeline is read off the name of the present WAL file: the control file tells a promoted server's only after its
-- first checkpoint.
SELECT max(e.epoch)
FROM projector.current_epoch
JOIN projector.epoch AS e USING (epoch)
JOIN pg_control_system() AS s USING (system_identifier)
WHERE e.timeline = ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int
HAVING count(*) > 0
