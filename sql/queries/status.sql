SELECT
    i.version,
    i.fingerprint,
    i.timezone,
    (SELECT count(*) FROM pg_stat_activity WHERE application_name = 'projector listen' AND datname = current_database()),
    (SELECT count(*) FROM projector.outbox),
    (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(at)), 0)::float8 FROM projector.outbox),
    (SELECT json_object_agg(document, waiting) FROM (
        SELECT document, count(*) AS waiting FROM projector.backlog WHERE id IS NOT NULL GROUP BY document) AS b),
    (SELECT count(*) FROM projector.backlog WHERE id IS NULL),
    (SELECT json_object_agg(document, reason) FROM projector.rebuild),
    (SELECT count(*) FROM projector.dead_letter WHERE id IS NOT NULL),
    (SELECT json_object_agg(document || '.' || section, error ORDER BY document, section)
     FROM projector.dead_letter WHERE id IS NULL),
    (SELECT json_object_agg(source, fault) FROM projector.capture_fault),
    i.paused_at::text
FROM projector.installation AS i
