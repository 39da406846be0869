-- Documents that a change touches ({touched}: ids with their sections as bits), by all their sections: how many, and some
-- of them at random.
WITH found (id, bits) AS MATERIALIZED (
    SELECT id, bit_or(bits) FROM ({touched}) AS touched (id, bits) WHERE id IS NOT NULL GROUP BY id
)
SELECT
    alike.bits,
    alike.documents,
    ARRAY(SELECT id FROM found WHERE bits = alike.bits ORDER BY random() LIMIT {limit})
FROM (SELECT bits, count(*) AS documents FROM found GROUP BY bits) AS alike
ORDER BY alike.bits
