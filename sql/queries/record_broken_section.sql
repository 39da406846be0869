-- Says that a section is broken as a whole. Tried again in 5 s: asking for no document at all costs next to nothing.
INSERT INTO projector.dead_letter AS d (document, section, error, retry_at)
VALUES ($1::text, $2::text, $3::text, clock_timestamp() + interval '5 seconds')
ON CONFLICT (document, section) WHERE id IS NULL DO UPDATE
SET error = excluded.error,
    attempts = d.attempts + 1,
    failed_at = clock_timestamp(),
    retry_at = excluded.retry_at
