-- Removes the letters of what was built ($3: ids), unless it was touched again after the builder's snapshot ($4).
DELETE FROM projector.dead_letter d
USING unnest($3::bigint[], $4::integer[]) AS built (id, touches)
WHERE d.document = $1::text AND d.section = $2::text AND d.id = built.id AND d.touches = built.touches
