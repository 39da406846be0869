-- How many documents' sections the reader of a view asks for at once, by the session setting projector.asked; 1 where
-- it does not say. For a section that may be found in several ways, of which the best for one is not the best for all.
CREATE OR REPLACE FUNCTION projector.asked() RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN greatest(1, coalesce(nullif(pg_catalog.current_setting('projector.asked', true), ''), '1')::bigint);
