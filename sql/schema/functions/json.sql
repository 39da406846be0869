-- How values are written in documents: one place for the conventions of instants, dates and numbers,
-- independent of the session's DateStyle and TimeZone.

-- An instant as ISO 8601 in UTC, which a column without time zone holds. What ISO 8601 cannot write (infinity,
-- years outside 1 to 9999) is null.
CREATE OR REPLACE FUNCTION projector.instant(moment timestamp) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN moment >= '0001-01-01' AND moment < '10000-01-01'
        THEN to_char(moment, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END;

CREATE OR REPLACE FUNCTION projector.instant(moment timestamptz) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN projector.instant(moment AT TIME ZONE 'UTC');

CREATE OR REPLACE FUNCTION projector.day(day date) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN day >= '0001-01-01' AND day < '10000-01-01' THEN to_char(day::timestamp, 'YYYY-MM-DD') END;

-- JSON holds neither NaN nor infinity: both read as unknown.
CREATE OR REPLACE FUNCTION projector.finite(amount numeric) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN nullif(nullif(nullif(amount, 'NaN'), 'Infinity'), '-Infinity');

CREATE OR REPLACE FUNCTION projector.finite(amount double precision) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN nullif(nullif(nullif(amount, 'NaN'), 'Infinity'), '-Infinity');

-- The text of a JSON string, null where PostgreSQL's text cannot hold it (\u0000, a lone surrogate):
-- the json type stores such escapes without complaint and fails only when they are decoded.
CREATE OR REPLACE FUNCTION projector.json_text(string json) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$
BEGIN
    RETURN string #>> '{}';
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$$;

-- A quotient that bears being rounded. PostgreSQL's own has some 16 significant digits, and so few decimals of a large
-- one that rounding it would be rounding for the second time.
CREATE OR REPLACE FUNCTION projector.quotient(dividend numeric, divisor numeric) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN dividend * 1.000000000000000000 / divisor;
