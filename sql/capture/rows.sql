-- Trigger function of an INSERT or DELETE statement: one change event, whatever the number of rows. One with very many
-- keys stands for every row, as TRUNCATE's does, so that no event is large.
CREATE OR REPLACE FUNCTION projector.{function}() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $capture$
DECLARE
    _fault text;
    _rows bigint;
    _any boolean;{declarations}
BEGIN
    IF pg_sequence_last_value('projector.capture') = 2 THEN
        RETURN NULL; -- paused
    END IF;
    BEGIN
        -- One row, which nearly every statement has: no aggregate.
        SELECT 1{keys_of_one}
        INTO _rows{variables}
        FROM changed_rows c
        WHERE NOT EXISTS (SELECT FROM changed_rows OFFSET 1);
        IF NOT FOUND THEN
            SELECT count(*){keys}
            INTO _rows{variables}
            FROM changed_rows c;
            _any := greatest(0{sizes}) > {most_keys};
        END IF;
    EXCEPTION WHEN OTHERS THEN
        _fault := SQLERRM; -- the ERP renamed or dropped a column
    END;
    IF _fault IS NOT NULL THEN
        INSERT INTO projector.outbox (source, operation, fault) VALUES ({source}, 'X', _fault);
    ELSIF _any THEN
        INSERT INTO projector.outbox (source, operation) VALUES ({source}, 'T');
    ELSIF _rows > 0 THEN
        INSERT INTO projector.outbox (source, operation{key_columns}) VALUES ({source}, {operation}{variables});
    ELSE
        RETURN NULL;
    END IF;
    IF pg_sequence_last_value('projector.asleep') = 2 THEN
        NOTIFY projector_wakeup;
    END IF;
    RETURN NULL;
END
$capture$
