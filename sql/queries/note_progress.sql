-- Adds what was drained ($1) to the progress of this drain, or begins a new one; the empty backlog ends it. What
-- fresh changes leave in the outbox comes and goes with them, and is no drain.
INSERT INTO projector.backlog_progress AS p (began_at, done)
SELECT CASE WHEN EXISTS (SELECT FROM projector.backlog) THEN clock_timestamp() END, $1::bigint
ON CONFLICT (singleton) DO UPDATE
SET done = CASE WHEN p.began_at IS NULL THEN excluded.done ELSE p.done + excluded.done END,
    began_at = CASE WHEN excluded.began_at IS NULL THEN NULL ELSE coalesce(p.began_at, excluded.began_at) END,
    updated_at = clock_timestamp()
WHERE p.began_at IS NOT NULL OR excluded.began_at IS NOT NULL
