SELECT
    i.version,
    i.fingerprint,
    i.timezone,
    (SELECT count(*) FROM pg_stat_activity WHERE application_name = 'projector listen' AND datname = current_database()),
    (SELECT count(*) FROM projector.outbox WHERE operation <> 'H'),
    (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(at)), 0)::float8 FROM projector.outbox
     WHERE operation <> 'H'),
    (SELECT json_object_agg(document, waiting) FROM (
        SELECT document, sum(cardinality(ids)) AS waiting FROM projector.backlog WHERE ids IS NOT NULL GROUP BY document) AS b),
    (SELECT count(*) FROM projector.backlog WHERE ids IS NULL),
    (SELECT json_object_agg(document, reason) FROM projector.rebuild),
    (SELECT count(*) FROM projector.dead_letter WHERE id IS NOT NULL),
    (SELECT json_object_agg(document || '.' || section, error ORDER BY document, section)
     FROM projector.dead_letter WHERE id IS NULL),
    (SELECT json_build_object('done', done, 'seconds', extract(epoch FROM updated_at - began_at))
     FROM projector.backlog_progress WHERE began_at IS NOT NULL),
    (SELECT count(*) FROM projector.drift WHERE found_at > clock_timestamp() - interval '24 hours'),
    (SELECT json_agg(d) FROM (
        SELECT document, id, section, detail, repaired, found_at FROM projector.drift
        ORDER BY found_at DESC, document, id LIMIT 5) AS d),
    (SELECT CASE WHEN bool_and(finished_at IS NOT NULL)
        THEN to_char(min(finished_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') END
     FROM projector.audit),
    (SELECT json_object_agg(source, fault) FROM projector.capture_fault),
    i.paused_at::text
FROM projector.installation AS i
