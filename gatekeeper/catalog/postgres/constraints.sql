-- Not-null constraints (contype n, PostgreSQL 18) are a property of the column; triggers are not read here.
SELECT con.oid, con.conrelid AS table_oid, n.nspname AS schema_name, c.relname AS table_name,
       con.conname AS name,
       CASE con.contype WHEN 'p' THEN 'primary_key' WHEN 'u' THEN 'unique'
                        WHEN 'c' THEN 'check' ELSE 'exclusion' END AS constraint_type,
       coalesce((SELECT array_agg(a.attname::text ORDER BY k.ord)
                 FROM unnest(con.conkey) WITH ORDINALITY k(num, ord)
                 JOIN pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = k.num), '{}') AS columns,
       pg_get_constraintdef(con.oid) AS definition,
       con.convalidated AS is_validated,
       con.conparentid <> 0 OR (con.coninhcount > 0 AND NOT con.conislocal) AS is_inherited,
       obj_description(con.oid, 'pg_constraint') AS comment
FROM pg_constraint con
JOIN pg_class c ON c.oid = con.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE con.contype IN ('p', 'u', 'c', 'x')
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'gatekeeper')
ORDER BY n.nspname, c.relname, con.conname
