-- The sections of these documents ($1 kind, $2 ids) that will be built again though no queue holds them yet: those with
-- a dead letter, of their own or of the section as a whole, and those that wait for old transactions to end.
SELECT wanted.id, promised.section
FROM unnest($2::bigint[]) AS wanted (id)
JOIN (
    SELECT id, section FROM projector.dead_letter WHERE document = $1::text
    UNION ALL
    SELECT NULL, section FROM projector.reconciliation WHERE document = $1::text
) AS promised ON coalesce(promised.id, wanted.id) = wanted.id
