-- Not-null constraints (contype n, PostgreSQL 18) are a property of the column; triggers are not read here.
SELECT con.oid, con.conrelid AS table_oid, n.nspname AS schema_name, c.relname AS table_name,
       con.conname AS name,
       CASE con.contype WHEN 'p' THEN 'primary_key' WHEN 'u' THEN 'unique'
                        WHEN 'c' THEN 'check' ELSE 'exclusion' END AS constraint_type,
       ARRAY(SELECT (SELECT a.attname::text FROM pg_attribute a
                     WHERE a.attrelid = con.conrelid AND a.attnum = k.num)
             FROM unnest(con.conkey) k(num)) AS columns,
       pg_get_constraintdef(con.oid) AS definition,
       con.convalidated AS is_validated,
       con.conenforced AS is_enforced,  -- since 18
       con.conparentid <> 0 OR (con.coninhcount > 0 AND NOT con.conislocal) AS is_inherited,
       de.description AS comment
FROM pg_constraint con
JOIN pg_class c ON c.oid = con.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_description de ON de.objoid = con.oid AND de.classoid = 'pg_constraint'::regclass
WHERE con.contype IN ('p', 'u', 'c', 'x')
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'gatekeeper')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_extension'::regclass
                  AND d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname, c.relname, con.conname
