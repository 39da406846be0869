INSERT INTO projector.redis_state (instance, published)
VALUES ($1::text, $2::bigint)
ON CONFLICT (singleton) DO UPDATE SET instance = excluded.instance, published = excluded.published
