-- The business clock. The zone is a constant of the installation, so that the planner folds it and the
-- same text works in psql; `projector install` replaces it when PROJECTOR_TIMEZONE changes.
CREATE OR REPLACE FUNCTION projector.business_timezone() RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN :'timezone';

-- The transaction's time, moved by the session setting projector.clock_offset (an interval) where one is
-- set: what will this document read tomorrow?
CREATE OR REPLACE FUNCTION projector.now() RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN pg_catalog.now()
        + coalesce(nullif(pg_catalog.current_setting('projector.clock_offset', true), ''), '0')::interval;

-- The calendar day in the business time zone.
CREATE OR REPLACE FUNCTION projector.today() RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (projector.now() AT TIME ZONE projector.business_timezone())::date;

-- The business day of an instant; null of infinity. At the ends of what a timestamp holds, where the zone's local
-- time may lie beyond them, the day in UTC.
CREATE OR REPLACE FUNCTION projector.business_day(moment timestamptz) RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE
        WHEN NOT isfinite(moment) THEN NULL
        WHEN moment > '4712-01-01 BC' AND moment < '294275-01-01'
        THEN (moment AT TIME ZONE projector.business_timezone())::date
        ELSE (moment AT TIME ZONE 'UTC')::date
    END;

-- The first instant of a business day: where clocks skip midnight the moment they arrive at, where they go back over
-- it (and the day has two) the first one. Null for days that no timestamp reaches.
CREATE OR REPLACE FUNCTION projector.midnight(day date) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE
        WHEN day NOT BETWEEN '0001-01-01' AND '9999-12-31' THEN NULL
        WHEN ((day::timestamp AT TIME ZONE projector.business_timezone()) - interval '1 hour')
            AT TIME ZONE projector.business_timezone() >= day::timestamp
        THEN (day::timestamp AT TIME ZONE projector.business_timezone()) - interval '1 hour'
        ELSE day::timestamp AT TIME ZONE projector.business_timezone()
    END;
