-- $5: the touches that the builder's snapshot saw, where the letter was known. A change that came later may have mended
-- the row: then the pause is the shortest.
INSERT INTO projector.dead_letter AS d (document, id, section, error, retry_at)
VALUES ($1::text, $2::bigint, $3::text, $4::text, clock_timestamp() + interval '10 seconds')
ON CONFLICT (document, id, section) DO UPDATE
SET error = excluded.error,
    attempts = d.attempts + 1,
    failed_at = clock_timestamp(),
    retry_at = CASE
        WHEN d.touches <> $5::integer THEN excluded.retry_at
        ELSE clock_timestamp() + least(interval '10 seconds' * 2 ^ least(d.attempts, 20), interval '1 hour')
    END
