-- Everybody may ask for a token, and for that has to reach into the schema. Its tables are granted to nobody by that,
-- and the triggers' functions, which run with their owner's rights, can be put on no table by others.
DO $$
DECLARE
    _function regprocedure;
BEGIN
    FOR _function IN
        SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'projector'::regnamespace AND prosecdef
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', _function);
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA projector TO PUBLIC;

GRANT EXECUTE ON FUNCTION projector.token(), projector.token_source() TO PUBLIC;
