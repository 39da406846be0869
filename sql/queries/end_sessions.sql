-- Ends those of these sessions that are ours.
SELECT pg_terminate_backend(pid)
FROM pg_stat_activity
WHERE pid = ANY ($1::int[]) AND application_name LIKE 'projector %'
