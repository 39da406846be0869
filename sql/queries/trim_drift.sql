-- Keeps the newest rows.
DELETE FROM projector.drift
WHERE found_at <= (SELECT found_at FROM projector.drift ORDER BY found_at DESC OFFSET $1::int LIMIT 1)
