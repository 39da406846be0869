INSERT INTO projector.backlog (document, section, fanout)
VALUES ($1::text, $2::text, $3::text::jsonb)
ON CONFLICT DO NOTHING
