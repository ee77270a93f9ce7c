SELECT e.oid, e.enumtypid AS type_oid, n.nspname AS schema_name, t.typname AS type_name,
       e.enumlabel AS name,
       row_number() OVER (PARTITION BY e.enumtypid ORDER BY e.enumsortorder)::int AS position
FROM pg_enum e
JOIN pg_type t ON t.oid = e.enumtypid
JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'gatekeeper')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_extension'::regclass
                  AND d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
ORDER BY n.nspname, t.typname, e.enumsortorder
