-- The type gives the limits: without others a sequence runs from 1 to the largest value of its type, a
-- descending one from -1 to the smallest.
SELECT c.oid, n.nspname AS schema_name, c.relname AS name, format_type(s.seqtypid, NULL) AS data_type,
       CASE c.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'permanent' END AS persistence,
       s.seqstart AS start, s.seqincrement AS increment,
       nullif(s.seqmin, CASE WHEN s.seqincrement > 0 THEN 1 ELSE l.least END) AS minimum,
       nullif(s.seqmax, CASE WHEN s.seqincrement > 0 THEN l.greatest ELSE -1 END) AS maximum,
       s.seqcache AS cache, s.seqcycle AS cycles,
       CASE WHEN t.oid IS NOT NULL
            THEN format('%I.%I.%I', tn.nspname, t.relname, a.attname) END AS owned_by,
       coalesce(t.oid, 0) AS owner_table_oid, obj_description(c.oid, 'pg_class') AS comment
FROM pg_sequence s
JOIN pg_class c ON c.oid = s.seqrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN (VALUES ('smallint'::regtype, -32768, 32767), ('integer', -2147483648, 2147483647),
             ('bigint', -9223372036854775808, 9223372036854775807)) l(type, least, greatest)
     ON l.type = s.seqtypid
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
     AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
LEFT JOIN pg_class t ON t.oid = d.refobjid
LEFT JOIN pg_namespace tn ON tn.oid = t.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'gatekeeper')
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.refclassid = 'pg_extension'::regclass
                  AND e.classid = 'pg_class'::regclass AND e.objid IN (c.oid, t.oid) AND e.deptype = 'e')
ORDER BY n.nspname, c.relname
