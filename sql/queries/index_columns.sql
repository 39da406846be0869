-- The valid indexes of a table: each key column as text with its order (indoption), and the predicate.
SELECT array_agg(pg_get_indexdef(i.indexrelid, k::int, true) || '/' || i.indoption[k - 1] ORDER BY k),
    pg_get_expr(i.indpred, i.indrelid, true)
FROM pg_index i
CROSS JOIN LATERAL generate_series(1, i.indnkeyatts) AS k
WHERE i.indrelid = $1::text::regclass AND i.indisvalid
GROUP BY i.indexrelid, i.indpred, i.indrelid
