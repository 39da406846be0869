-- Trigger function of an INSERT or DELETE statement: one change event, whatever the number of rows.
CREATE OR REPLACE FUNCTION projector.{function}() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $capture$
BEGIN
    INSERT INTO projector.outbox (source, operation{key_columns})
    SELECT {source}, {operation}{keys}
    FROM changed_rows
    HAVING count(*) > 0;
    IF FOUND AND pg_sequence_last_value('projector.asleep') = 2 THEN
        NOTIFY projector_wakeup;
    END IF;
    RETURN NULL;
END
$capture$
