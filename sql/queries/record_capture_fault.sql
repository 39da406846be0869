-- Remembers that a table's triggers cannot tell what changed.
INSERT INTO projector.capture_fault AS f (source, fault)
VALUES ($1::text, $2::text)
ON CONFLICT (source) DO UPDATE SET fault = excluded.fault, latest = excluded.latest
