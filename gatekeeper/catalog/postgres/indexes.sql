SELECT i.indexrelid AS oid, i.indrelid AS table_oid, n.nspname AS schema_name, t.relname AS table_name,
       c.relname AS name,
       ARRAY(SELECT (SELECT a.attname::text FROM pg_attribute a
                     WHERE a.attrelid = i.indrelid AND a.attnum = k.num)
             FROM unnest(i.indkey) WITH ORDINALITY k(num, ord) WHERE k.ord <= i.indnkeyatts) AS columns,
       CASE WHEN i.indnatts > i.indnkeyatts THEN
            ARRAY(SELECT (SELECT a.attname::text FROM pg_attribute a
                          WHERE a.attrelid = i.indrelid AND a.attnum = k.num)
                  FROM unnest(i.indkey) WITH ORDINALITY k(num, ord) WHERE k.ord > i.indnkeyatts)
       ELSE '{}' END AS included_columns,
       i.indisunique AS is_unique, i.indisvalid AS is_valid,
       pg_get_expr(i.indpred, i.indrelid) AS predicate, am.amname AS method,
       pg_get_indexdef(i.indexrelid) AS definition,
       con.conname AS constraint_name,
       CASE WHEN c.relispartition THEN
            (SELECT format('%I.%I', pn.nspname, p.relname)
             FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent
             JOIN pg_namespace pn ON pn.oid = p.relnamespace WHERE h.inhrelid = c.oid) END AS parent,
       s.spcname AS tablespace, i.indisclustered AS is_clustered, i.indisreplident AS is_replica_identity,
       CASE WHEN i.indexprs IS NOT NULL THEN
            (SELECT string_agg(format('%s=%s', a.attnum, a.attstattarget), ', ' ORDER BY a.attnum)
             FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attstattarget >= 0) END AS statistics_targets,
       c.relispartition AS is_inherited, c.relfilenode AS filenode,
       de.description AS comment
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_am am ON am.oid = c.relam
LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace
LEFT JOIN pg_constraint con ON con.conindid = i.indexrelid AND con.contype IN ('p', 'u', 'x')
LEFT JOIN pg_description de ON de.objoid = c.oid AND de.classoid = 'pg_class'::regclass AND de.objsubid = 0
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'gatekeeper')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_extension'::regclass
                  AND d.classid = 'pg_class'::regclass AND d.objid = t.oid AND d.deptype = 'e')
ORDER BY n.nspname, t.relname, c.relname
