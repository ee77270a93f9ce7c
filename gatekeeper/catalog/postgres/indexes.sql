SELECT i.indexrelid AS oid, i.indrelid AS table_oid, n.nspname AS schema_name, t.relname AS table_name,
       c.relname AS name,
       (SELECT array_agg(a.attname::text ORDER BY k.ord)
        FROM unnest(i.indkey) WITH ORDINALITY k(num, ord)
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num AND k.num > 0
        WHERE k.ord <= i.indnkeyatts) AS columns,
       coalesce((SELECT array_agg(a.attname::text ORDER BY k.ord)
        FROM unnest(i.indkey) WITH ORDINALITY k(num, ord)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num
        WHERE k.ord > i.indnkeyatts), '{}') AS included_columns,
       i.indisunique AS is_unique, i.indisvalid AS is_valid,
       pg_get_expr(i.indpred, i.indrelid) AS predicate, am.amname AS method,
       pg_get_indexdef(i.indexrelid) AS definition,
       con.conname AS constraint_name,
       c.relispartition AS is_inherited, c.relfilenode AS filenode,
       obj_description(c.oid, 'pg_class') AS comment
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_am am ON am.oid = c.relam
LEFT JOIN pg_constraint con ON con.conindid = i.indexrelid AND con.contype IN ('p', 'u', 'x')
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'gatekeeper')
ORDER BY n.nspname, t.relname, c.relname
