-- Trigger function of a row that logical replication wrote: its apply process fires no statement triggers. Every
-- column counts as changed.
CREATE OR REPLACE FUNCTION projector.{function}() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $capture$
DECLARE
    _fault text;{declarations}
BEGIN
    IF pg_sequence_last_value('projector.capture') = 2 THEN
        RETURN NULL; -- paused
    END IF;
    BEGIN
        {assignments}
    EXCEPTION WHEN OTHERS THEN
        _fault := SQLERRM; -- the ERP renamed or dropped a column
    END;
    IF _fault IS NOT NULL THEN
        INSERT INTO projector.outbox (source, operation, fault) VALUES ({source}, 'X', _fault);
    ELSE
        INSERT INTO projector.outbox (source, operation{key_columns})
        VALUES ({source}, left(TG_OP, 1)::"char"{variables});
    END IF;
    IF pg_sequence_last_value('projector.asleep') = 2 THEN
        NOTIFY projector_wakeup;
    END IF;
    RETURN NULL;
END
$capture$
