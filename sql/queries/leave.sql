-- Asks for documents ($1 kind, $3 ids, $2 sections as bits) that take long to build or are many, among the change events:
-- whoever asks waits for nobody, not even for whoever builds the same ones just now. $5: for which causes, one a line;
-- $4: for each id the line that is its own, where there are several.
INSERT INTO projector.outbox (source, operation, changed, key_1, key_2, fault)
VALUES ($1::text, 'B', $2::bigint, $3::bigint[], $4::bigint[], $5::text)
