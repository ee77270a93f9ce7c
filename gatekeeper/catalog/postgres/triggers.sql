-- Triggers that call a function of ours (schema gatekeeper) belong to the witness.
SELECT t.oid, t.tgrelid AS table_oid, n.nspname AS schema_name, c.relname AS table_name,
       t.tgname AS name, pg_get_triggerdef(t.oid) AS definition,
       CASE t.tgenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always'
                        ELSE 'origin' END AS enabled,
       t.tgparentid <> 0 AS is_inherited, obj_description(t.oid, 'pg_trigger') AS comment
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_proc p ON p.oid = t.tgfoid
JOIN pg_namespace pn ON pn.oid = p.pronamespace
WHERE NOT t.tgisinternal AND pn.nspname <> 'gatekeeper'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'gatekeeper')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
                  AND (d.classid = 'pg_trigger'::regclass AND d.objid = t.oid
                       OR d.classid = 'pg_class'::regclass AND d.objid = c.oid))
ORDER BY n.nspname, c.relname, t.tgname
