-- The sections of these documents ($1 kind, $2 ids) that will be built again though no queue holds them yet.
SELECT id, section FROM projector.dead_letter WHERE document = $1::text AND id = ANY ($2::bigint[])
UNION ALL
SELECT wanted.id, r.section
FROM projector.reconciliation r
CROSS JOIN unnest($2::bigint[]) AS wanted (id)
WHERE r.document = $1::text
