-- The marks ($2) and publish counts ($3) that the shards behind these state keys ($1) were last seen with.
INSERT INTO projector.redis_shard (state_key, instance, published)
SELECT state_key, instance, published
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS seen (state_key, instance, published)
ON CONFLICT (state_key) DO UPDATE SET instance = excluded.instance, published = excluded.published
