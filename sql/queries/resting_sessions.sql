-- Which of these sessions do nothing, or are gone. A server that does not track activities tells of none.
SELECT asked.pid
FROM unnest($1::int[]) AS asked (pid)
LEFT JOIN pg_stat_activity AS a ON a.pid = asked.pid
WHERE a.pid IS NULL OR a.state LIKE 'idle%'
