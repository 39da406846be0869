-- One difference, and the haste that it calls for ($6: so many passes; what they find themselves prolongs nothing)
-- in its kind and in the walk ($7) that found it.
WITH audited AS (
    UPDATE projector.audit
    SET found = found + 1, hasty_passes = CASE WHEN hasty_passes = 0 THEN $6::int ELSE hasty_passes END
    WHERE document IN ($1::text, $7::text)
)
INSERT INTO projector.drift (document, id, section, detail, repaired)
VALUES ($1::text, $2::bigint, $3::text, $4::text, $5::boolean)
