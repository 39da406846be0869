-- Asks for all documents of a kind, and remembers to say when they are built.
WITH request AS (
    INSERT INTO projector.rebuild (document, reason, queued_at)
    VALUES ($1::text, $2::text, now())
    ON CONFLICT (document) DO UPDATE SET reason = excluded.reason, queued_at = excluded.queued_at
)
INSERT INTO projector.backlog (document, fanout, queued_at)
SELECT $1::text, '{"all": true}', now()
WHERE NOT EXISTS (
    SELECT FROM projector.backlog
    WHERE id IS NULL AND document = $1::text AND section = '*' AND fanout = '{"all": true}'
    FOR KEY SHARE SKIP LOCKED)
