-- Trigger function of an UPDATE statement: one change event with the columns that really changed and the old and
-- new key values of the rows in which one did; none where no captured column changed. A changed id counts as a change
-- of every column. One with very many keys stands for every row, as TRUNCATE's does, so that no event is large.
CREATE OR REPLACE FUNCTION projector.{function}() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $capture$
DECLARE
    _fault text;
    _changed bigint;
    _any boolean;{declarations}
BEGIN
    IF pg_sequence_last_value('projector.capture') = 2 THEN
        RETURN NULL; -- paused
    END IF;
    BEGIN
        -- One row, which nearly every statement has: neither join nor aggregate.
        SELECT {mask}{keys_of_one}
        INTO _changed{variables}
        FROM old_rows o CROSS JOIN new_rows n
        WHERE NOT EXISTS (SELECT FROM new_rows OFFSET 1);
        IF NOT FOUND THEN
            SELECT bit_or(mask){keys}
            INTO _changed{variables}
            FROM (
                SELECT {mask} AS mask{old_and_new}
                FROM old_rows o FULL JOIN new_rows n ON n.id = o.id
                OFFSET 0 -- or the mask would be computed twice, for the condition and for the result
            ) AS changes
            WHERE mask <> 0;
            _any := greatest(0{sizes}) > {most_keys};
        END IF;
    EXCEPTION WHEN OTHERS THEN
        _fault := SQLERRM; -- the ERP renamed or dropped a column
    END;
    IF _fault IS NOT NULL THEN
        INSERT INTO projector.outbox (source, operation, fault) VALUES ({source}, 'X', _fault);
    ELSIF _any THEN
        INSERT INTO projector.outbox (source, operation, changed) VALUES ({source}, 'T', _changed);
    ELSIF _changed <> 0 THEN
        INSERT INTO projector.outbox (source, operation, changed{key_columns}) VALUES ({source}, 'U', _changed{variables});
    ELSE
        RETURN NULL;
    END IF;
    IF pg_sequence_last_value('projector.asleep') = 2 THEN
        NOTIFY projector_wakeup;
    END IF;
    RETURN NULL;
END
$capture$
