-- Drops these letters.
DELETE FROM projector.dead_letter
WHERE document = ANY ($1::text[])
    AND ($2::bigint[] IS NULL OR id = ANY ($2::bigint[]))
    AND ($3::text IS NULL OR section = $3::text)
