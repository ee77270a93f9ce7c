-- Row types of tables, array types and what the server makes for range types follow their objects.
WITH visible AS (
    SELECT n.* FROM pg_namespace n
    WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'gatekeeper')),
owned (catalog_name, oid, object_kind, schema_name, object_name, subject, owner_oid) AS (
    SELECT 'pg_namespace', n.oid, 'schema', n.nspname, n.nspname, quote_ident(n.nspname), n.nspowner
    FROM visible n
    UNION ALL
    SELECT 'pg_class', c.oid,
           CASE c.relkind WHEN 'p' THEN 'partitioned' WHEN 'f' THEN 'foreign' WHEN 'v' THEN 'view'
                          WHEN 'm' THEN 'materialized_view' WHEN 'S' THEN 'sequence' ELSE 'table' END,
           n.nspname, c.relname, format('%I.%I', n.nspname, c.relname), c.relowner
    FROM pg_class c
    JOIN visible n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
    UNION ALL
    SELECT 'pg_proc', p.oid, 'function', n.nspname, p.proname,
           format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)), p.proowner
    FROM pg_proc p
    JOIN visible n ON n.oid = p.pronamespace
    UNION ALL
    SELECT 'pg_type', t.oid, 'type', n.nspname, t.typname, format('%I.%I', n.nspname, t.typname), t.typowner
    FROM pg_type t
    JOIN visible n ON n.oid = t.typnamespace
    LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE t.typelem = 0 AND coalesce(c.relkind, 'c') = 'c'
    UNION ALL
    SELECT 'pg_foreign_data_wrapper', w.oid, 'foreign_data_wrapper', NULL, w.fdwname,
           quote_ident(w.fdwname), w.fdwowner
    FROM pg_foreign_data_wrapper w
    UNION ALL
    SELECT 'pg_foreign_server', s.oid, 'foreign_server', NULL, s.srvname, quote_ident(s.srvname), s.srvowner
    FROM pg_foreign_server s)
SELECT o.catalog_name, o.oid, o.object_kind, o.schema_name, o.object_name, o.subject, o.owner_oid,
       pg_get_userbyid(o.owner_oid) AS owner
FROM owned o
WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_extension'::regclass
                  AND d.classid = o.catalog_name::regclass AND d.objid = o.oid AND d.deptype = 'e')
  AND (o.object_kind NOT IN ('sequence', 'function', 'type')
       OR NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = o.catalog_name::regclass
                      AND d.objid = o.oid AND d.deptype = 'i'))
ORDER BY o.subject, o.object_kind
