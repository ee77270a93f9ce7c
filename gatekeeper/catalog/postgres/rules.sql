SELECT r.oid, r.ev_class AS table_oid, n.nspname AS schema_name, c.relname AS table_name,
       r.rulename AS name, pg_get_ruledef(r.oid) AS definition,
       CASE r.ev_enabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always'
                         ELSE 'origin' END AS enabled,
       obj_description(r.oid, 'pg_rewrite') AS comment
FROM pg_rewrite r
JOIN pg_class c ON c.oid = r.ev_class
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE r.rulename <> '_RETURN'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'gatekeeper')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
                  AND (d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                       OR d.classid = 'pg_class'::regclass AND d.objid = c.oid))
ORDER BY n.nspname, c.relname, r.rulename
