-- How many more sessions an ordinary role may begin, how many there may be at all, and how many transactions may be prepared.
SELECT
    current_setting('max_connections')::int
    - current_setting('superuser_reserved_connections')::int
    - coalesce(current_setting('reserved_connections', true), '0')::int
    - (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend'),
    current_setting('max_connections')::int,
    current_setting('max_prepared_transactions')::int
