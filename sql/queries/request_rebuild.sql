-- Asks for all documents of a kind, and remembers to say when they are built.
WITH request AS (
    INSERT INTO projector.rebuild (document, reason, queued_at)
    VALUES ($1::text, $2::text, now())
    ON CONFLICT (document) DO UPDATE SET reason = excluded.reason, queued_at = excluded.queued_at
)
SELECT projector.queue_all($1::text, '*', $3::text)
