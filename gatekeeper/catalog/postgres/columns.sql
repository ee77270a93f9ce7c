-- The not-null constraints of tables have rows of their own since PostgreSQL 18; their names are not read.
-- What the table is called is known from its own row.
SELECT a.attrelid AS oid, a.attrelid AS table_oid, a.attnum AS number, a.attname AS name,
       format_type(a.atttypid, a.atttypmod) AS data_type,
       format_type(CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE a.atttypid END, NULL) AS base_type,
       a.attnotnull AS not_null,
       (a.attrelid, a.attnum) NOT IN (SELECT conrelid, conkey[1] FROM pg_constraint WHERE contype = 'n' AND NOT convalidated) AS not_null_validated,  -- since 18
       (a.attrelid, a.attnum) NOT IN (SELECT conrelid, conkey[1] FROM pg_constraint WHERE contype = 'n' AND connoinherit) AS not_null_inherited,  -- since 18
       CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END AS "default",
       CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END AS generated,
       CASE a.attgenerated WHEN 'v' THEN 'virtual' END AS generation,
       CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END AS identity,
       CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END AS collation,
       CASE WHEN a.attstorage <> t.typstorage THEN
            CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main'
                              ELSE 'extended' END END AS storage,
       CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END AS compression,
       nullif(a.attstattarget, -1) AS statistics_target,
       array_to_string(a.attoptions, ', ') AS options,
       array_to_string(a.attfdwoptions, ', ') AS foreign_options,
       de.description AS comment
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_description de ON de.objoid = a.attrelid AND de.classoid = 'pg_class'::regclass
     AND de.objsubid = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'f')
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'gatekeeper')
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.refclassid = 'pg_extension'::regclass
                  AND e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
ORDER BY a.attrelid, a.attnum  -- the order of an index; sorting so many by name takes as long as the rest
