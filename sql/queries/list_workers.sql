-- The workers that are connected, by where they are; a role sees other roles' places only with pg_read_all_stats.
SELECT coalesce(host(client_addr), 'local socket'), pid, backend_start
FROM pg_stat_activity
WHERE application_name = 'projector listen' AND datname = current_database()
ORDER BY backend_start, pid
