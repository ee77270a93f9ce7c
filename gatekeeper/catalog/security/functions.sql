SELECT p.oid, n.nspname AS schema_name, p.proname AS name,
       oidvectortypes(p.proargtypes) AS arguments, n.oid AS schema_oid,
       p.proowner AS owner_oid, pg_get_userbyid(p.proowner) AS owner,
       p.prosecdef AS is_security_definer,
       p.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype) AS is_trigger,
       (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(p.proconfig) o) AS settings,
       md5(concat_ws(' ', p.prolang, p.probin, p.prosrc, pg_get_function_sqlbody(p.oid))) AS fingerprint
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'gatekeeper')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
                  AND d.objid = p.oid AND d.deptype IN ('e', 'i'))
ORDER BY n.nspname, p.proname, arguments
