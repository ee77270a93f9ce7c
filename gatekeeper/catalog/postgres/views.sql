-- Whether a materialized view is populated is a matter of its data, and not read.
SELECT c.oid, n.nspname AS schema_name, c.relname AS name, c.relkind = 'm' AS is_materialized,
       pg_get_viewdef(c.oid) AS definition,
       coalesce((SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '{}') AS columns,
       (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(c.reloptions) o) AS options,
       am.amname AS access_method, s.spcname AS tablespace,
       (SELECT string_agg(concat_ws(' ', quote_ident(a.attname),
                'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid),
                'STATISTICS ' || nullif(a.attstattarget, -1),
                CASE WHEN a.attstorage <> t.typstorage THEN 'STORAGE ' ||
                     CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main'
                                       ELSE 'extended' END END,
                CASE a.attcompression WHEN 'p' THEN 'COMPRESSION pglz' WHEN 'l' THEN 'COMPRESSION lz4' END,
                '(' || array_to_string(a.attoptions, ', ') || ')'), E'\n' ORDER BY a.attnum)
        FROM pg_attribute a
        JOIN pg_type t ON t.oid = a.atttypid
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          AND (a.atthasdef OR a.attstattarget >= 0 OR a.attstorage <> t.typstorage
               OR a.attcompression <> '' OR a.attoptions IS NOT NULL)) AS column_settings,
       (SELECT string_agg(format('%I: %s', a.attname, de.description), E'\n' ORDER BY a.attnum)
        FROM pg_description de
        JOIN pg_attribute a ON a.attrelid = de.objoid AND a.attnum = de.objsubid
        WHERE de.objoid = c.oid AND de.classoid = 'pg_class'::regclass AND de.objsubid > 0) AS column_comments,
       obj_description(c.oid, 'pg_class') AS comment
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_am am ON am.oid = c.relam
LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace
WHERE c.relkind IN ('v', 'm')
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'gatekeeper')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_extension'::regclass
                  AND d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname, c.relname
