-- Queues all documents of a kind, or one section of them, unless that waits already. A request that is being resolved is
-- locked and does not count: it may have looked before what this one stands for, and nobody waits until it is done.
-- Its time is the transaction's, never later than that of a complete rebuild which is asked for beside it.
CREATE OR REPLACE FUNCTION projector.queue_all(document text, section text, cause text) RETURNS void
    LANGUAGE sql AS $$
    INSERT INTO projector.backlog (document, section, fanout, queued_at, cause)
    SELECT $1, $2, '{"all": true}', now(), $3
    WHERE NOT EXISTS (
        SELECT FROM projector.backlog AS b
        WHERE b.ids IS NULL AND b.document = $1 AND b.section = $2 AND b.fanout = '{"all": true}'
        FOR KEY SHARE SKIP LOCKED)
$$;
