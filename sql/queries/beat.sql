-- A heartbeat, unless some worker sent one less than $1 seconds ago or does so now. One that lies in the future is of a
-- clock that was put back.
UPDATE projector.heartbeat SET at = clock_timestamp()
WHERE singleton = ANY (ARRAY(
    SELECT singleton FROM projector.heartbeat
    WHERE at <= clock_timestamp() - make_interval(secs => $1::float8) OR at > clock_timestamp()
    FOR UPDATE SKIP LOCKED))
