-- A fresh change touched these sections ($3: ids), which failed before: they are due, but no sooner than 10 s after they
-- failed last. Whoever is trying one just now learns by `touches` that he may not have seen the change.
WITH touched AS (
    SELECT id
    FROM projector.dead_letter
    WHERE document = $1::text AND section = $2::text AND id = ANY ($3::bigint[])
    ORDER BY id
    FOR UPDATE
)
UPDATE projector.dead_letter d
SET touches = d.touches + 1,
    retry_at = least(d.retry_at, greatest(clock_timestamp(), d.failed_at + interval '10 seconds'))
FROM touched
WHERE d.document = $1::text AND d.section = $2::text AND d.id = touched.id
RETURNING d.id
