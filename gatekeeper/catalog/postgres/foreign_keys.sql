-- A foreign key that refers to a partitioned table has one more row for each partition: conparentid.
SELECT con.oid, con.conrelid AS table_oid, n.nspname AS schema_name, c.relname AS table_name,
       con.conname AS name,
       ARRAY(SELECT (SELECT a.attname::text FROM pg_attribute a
                     WHERE a.attrelid = con.conrelid AND a.attnum = k.num)
             FROM unnest(con.conkey) k(num)) AS columns,
       con.confrelid AS references_oid, rn.nspname AS references_schema, r.relname AS references_name,
       ARRAY(SELECT (SELECT a.attname::text FROM pg_attribute a
                     WHERE a.attrelid = con.confrelid AND a.attnum = k.num)
             FROM unnest(con.confkey) k(num)) AS references_columns,
       CASE con.confdeltype WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null'
                            WHEN 'd' THEN 'set default' ELSE 'no action' END AS on_delete,
       CASE con.confupdtype WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null'
                            WHEN 'd' THEN 'set default' ELSE 'no action' END AS on_update,
       pg_get_constraintdef(con.oid) AS definition,
       con.convalidated AS is_validated,
       con.conenforced AS is_enforced,  -- since 18
       con.conparentid <> 0 AS is_inherited,
       de.description AS comment
FROM pg_constraint con
JOIN pg_class c ON c.oid = con.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class r ON r.oid = con.confrelid
JOIN pg_namespace rn ON rn.oid = r.relnamespace
LEFT JOIN pg_description de ON de.objoid = con.oid AND de.classoid = 'pg_constraint'::regclass
WHERE con.contype = 'f'
  AND NOT EXISTS (SELECT FROM pg_constraint up WHERE up.oid = con.conparentid AND up.conrelid = con.conrelid)
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'gatekeeper')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_extension'::regclass
                  AND d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname, c.relname, con.conname
