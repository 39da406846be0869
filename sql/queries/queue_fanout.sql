-- Adds a fan-out unless the same one waits already. One that is being resolved is locked and does not count: it may have
-- looked before the change that this one stands for, and whoever queues must not wait until it is done.
INSERT INTO projector.backlog (document, section, fanout, cause)
SELECT $1::text, $2::text, $3::text::jsonb, $4::text
WHERE NOT EXISTS (
    SELECT FROM projector.backlog
    WHERE ids IS NULL AND document = $1::text AND section = $2::text AND fanout = $3::text::jsonb
    FOR KEY SHARE SKIP LOCKED)
