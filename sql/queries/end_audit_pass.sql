-- A pass is through. One that found nothing ends the haste.
UPDATE projector.audit
SET place = '',
    found = 0,
    hasty_passes = CASE WHEN found = 0 THEN 0 ELSE greatest(hasty_passes - 1, 0) END,
    finished_at = clock_timestamp()
WHERE document = $1::text
