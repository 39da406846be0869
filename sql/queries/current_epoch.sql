-- The epoch of the cluster and timeline that this connection talks to; none where it is new.
SELECT e.epoch
FROM pg_control_system() AS s, pg_control_checkpoint() AS c
JOIN projector.epoch e ON e.timeline = c.timeline_id
WHERE e.system_identifier = s.system_identifier
