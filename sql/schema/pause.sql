-- For emergencies: `SELECT projector.pause()` makes the triggers do nothing, at once and without waiting for anybody.
CREATE OR REPLACE FUNCTION projector.pause() RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM setval('projector.capture', 2);
    UPDATE projector.installation SET paused_at = coalesce(paused_at, clock_timestamp());
END
$$;

-- Captures again, and rebuilds everything: now, and once more when the transactions have ended that may have written
-- while nothing was captured.
CREATE OR REPLACE FUNCTION projector.resume() RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM setval('projector.capture', 1);
    UPDATE projector.installation SET paused_at = NULL;
    INSERT INTO projector.rebuild (document, reason)
    SELECT DISTINCT document, 'capture was paused' FROM projector.section
    ON CONFLICT (document) DO UPDATE SET reason = excluded.reason, queued_at = excluded.queued_at;
    PERFORM projector.queue_all(document, '*', 'resume') FROM (SELECT DISTINCT document FROM projector.section) AS kinds;
    INSERT INTO projector.reconciliation (document, section)
    SELECT DISTINCT document, '*' FROM projector.section
    ON CONFLICT (document, section) DO UPDATE SET after = excluded.after;
END
$$;
