-- What waits in the backlog, or is in another builder's hands, for these documents.
SELECT id, section
FROM projector.backlog
WHERE document = $1::text AND id = ANY ($2::bigint[])
