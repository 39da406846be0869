-- Makes these letters due now.
UPDATE projector.dead_letter
SET retry_at = clock_timestamp()
WHERE document = ANY ($1::text[])
    AND ($2::bigint[] IS NULL OR id = ANY ($2::bigint[]))
    AND ($3::text IS NULL OR section = $3::text)
