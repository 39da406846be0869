-- The heartbeat: one row that a worker updates now and then. It takes the way of every change, by a trigger, the outbox,
-- a worker and Redis to the read API, and so tells how long that takes, also while nothing else changes.
CREATE TABLE IF NOT EXISTS projector.heartbeat (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    at timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 10);

INSERT INTO projector.heartbeat DEFAULT VALUES ON CONFLICT DO NOTHING;

-- Also while capture is paused: that is told otherwise, and is no reason to take the API out of service.
CREATE OR REPLACE FUNCTION projector.beat() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO projector.outbox (source, operation, key_1)
    VALUES ('heartbeat', 'H', ARRAY[(extract(epoch FROM NEW.at) * 1000000)::bigint]);
    IF pg_sequence_last_value('projector.asleep') = 2 THEN
        NOTIFY projector_wakeup;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER beat AFTER UPDATE ON projector.heartbeat FOR EACH ROW EXECUTE FUNCTION projector.beat();
