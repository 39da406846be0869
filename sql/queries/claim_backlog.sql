-- Takes the next places of the backlog behind the one where this builder stopped, in the order of the index, whole and as
-- many as have about $4 documents. Rows that others hold are skipped.
DELETE FROM projector.backlog
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM projector.backlog
    WHERE ids IS NOT NULL AND (document, place) > ($1, $2) AND document = ANY ($3)
    ORDER BY document, place
    LIMIT (
        SELECT coalesce(sum(rows), 0)
        FROM (
            SELECT count(*) AS rows, sum(least(sum(cardinality(ids)), 64)) OVER (ORDER BY document, place)
                - least(sum(cardinality(ids)), 64) AS documents_before
            FROM (
                SELECT document, place, ids FROM projector.backlog
                WHERE ids IS NOT NULL AND (document, place) > ($1, $2) AND document = ANY ($3)
                ORDER BY document, place
                LIMIT $4
            ) AS next
            GROUP BY document, place
        ) AS places
        WHERE documents_before < $4
    )
    FOR UPDATE SKIP LOCKED))
RETURNING document, place, ids, section, cause, pg_current_xact_id()::xid::text
