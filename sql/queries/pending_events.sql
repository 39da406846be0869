-- Change events visible in this snapshot but not claimed by transaction $1: waiting, or in another worker's hands.
SELECT source, operation::text, changed, key_1, key_2, key_3, key_4
FROM projector.outbox
WHERE xmax <> $1::text::xid
LIMIT $2::int
