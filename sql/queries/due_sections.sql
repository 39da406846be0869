-- Broken sections to be tried again. Those that `install` left out wait for the next installation: nothing that their
-- tables commit is captured, so that a view put back by hand would not be enough.
SELECT d.document, d.section
FROM projector.dead_letter d
LEFT JOIN projector.section s ON s.document = d.document AND s.name = d.section
WHERE d.id IS NULL AND d.retry_at <= clock_timestamp() AND s.fault IS NULL
ORDER BY d.document, d.section
