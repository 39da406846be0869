-- Which database this is, and which history of it: another cluster, another database, and one that was restored or
-- promoted have others. In a token it tells those of another one.
CREATE OR REPLACE FUNCTION projector.token_source() RETURNS text
    LANGUAGE sql STABLE AS $$
    SELECT pg_catalog.left(pg_catalog.md5(pg_catalog.concat_ws('/',
        s.system_identifier,
        pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8),
        (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()))), 8)
    FROM pg_catalog.pg_control_system() AS s
$$;

-- What the ERP hands to a client that wants to read what this transaction wrote (`?after=`). To be called behind the
-- last statement that writes: null in a transaction that has written nothing, and so always on a standby. Of savepoints
-- it is the transaction that counts. Anybody may call it; it reads no table of ours.
CREATE OR REPLACE FUNCTION projector.token() RETURNS text
    LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF pg_catalog.pg_current_xact_id_if_assigned() IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN projector.token_source() || '-' || pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.text;
END
$$;
