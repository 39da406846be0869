-- Trigger function of TRUNCATE: one change event that stands for every row.
CREATE OR REPLACE FUNCTION projector.{function}() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $capture$
BEGIN
    IF pg_sequence_last_value('projector.capture') = 2 THEN
        RETURN NULL; -- paused
    END IF;
    INSERT INTO projector.outbox (source, operation) VALUES ({source}, 'T');
    IF pg_sequence_last_value('projector.asleep') = 2 THEN
        NOTIFY projector_wakeup;
    END IF;
    RETURN NULL;
END
$capture$
