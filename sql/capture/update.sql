-- Trigger function of an UPDATE statement: one change event with the columns that really changed and the old and
-- new key values of the rows in which one did; none where no captured column changed. A changed id leaves both
-- sides without a partner, which counts as a change of every column.
CREATE OR REPLACE FUNCTION projector.{function}() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $capture$
BEGIN
    INSERT INTO projector.outbox (source, operation, changed{key_columns})
    SELECT {source}, 'U', bit_or(mask){keys}
    FROM (
        SELECT {mask} AS mask{old_and_new}
        FROM old_rows o FULL JOIN new_rows n ON n.id = o.id
    ) AS changes
    WHERE mask <> 0
    HAVING count(*) > 0;
    IF FOUND AND pg_sequence_last_value('projector.asleep') = 2 THEN
        NOTIFY projector_wakeup;
    END IF;
    RETURN NULL;
END
$capture$
