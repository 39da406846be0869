-- Who holds the transaction that has been open the longest in this database, and for how many hours.
SELECT who, extract(epoch FROM clock_timestamp() - began)::float8 / 3600
FROM (
    SELECT format('the transaction of %s (pid %s)', coalesce(usename, '?'), pid) AS who, xact_start AS began
    FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND xact_start IS NOT NULL
    UNION ALL
    SELECT format('the prepared transaction %L', gid), prepared
    FROM pg_prepared_xacts
    WHERE database = current_database()
) AS open
ORDER BY began
LIMIT 1
