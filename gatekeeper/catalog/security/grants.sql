-- A null ACL means the default (manual: Privileges). Of types and foreign servers it is left out:
-- nothing is decided by it that anybody asks for. Most objects have an ACL that others have, too: what it
-- says comes with the first of them, as [grantee_oid, grantee, privilege, is_grantable, grantors].
WITH visible AS (
    SELECT n.* FROM pg_namespace n
    WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'gatekeeper')),
acls (catalog_name, object_oid, column_number, object_kind, schema_name, object_name, column_name,
      object_subject, acl, is_default) AS (
    SELECT 'pg_namespace', n.oid, 0, 'schema', n.nspname, n.nspname, NULL, quote_ident(n.nspname),
           coalesce(n.nspacl, acldefault('n', n.nspowner)), n.nspacl IS NULL
    FROM visible n
    UNION ALL
    SELECT 'pg_class', c.oid, 0,
           CASE c.relkind WHEN 'p' THEN 'partitioned' WHEN 'f' THEN 'foreign' WHEN 'v' THEN 'view'
                          WHEN 'm' THEN 'materialized_view' WHEN 'S' THEN 'sequence' ELSE 'table' END,
           n.nspname, c.relname, NULL, format('%I.%I', n.nspname, c.relname),
           coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner)),
           c.relacl IS NULL
    FROM pg_class c
    JOIN visible n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
    UNION ALL
    SELECT 'pg_class', c.oid, a.attnum, 'column', n.nspname, c.relname, a.attname,
           format('%I.%I.%I', n.nspname, c.relname, a.attname), a.attacl, false
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    JOIN visible n ON n.oid = c.relnamespace
    WHERE a.attacl IS NOT NULL AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT 'pg_proc', p.oid, 0, 'function', n.nspname, p.proname, NULL,
           format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)),
           coalesce(p.proacl, acldefault('f', p.proowner)), p.proacl IS NULL
    FROM pg_proc p
    JOIN visible n ON n.oid = p.pronamespace
    WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
                      AND d.objid = p.oid AND d.deptype = 'i')
    UNION ALL
    SELECT 'pg_type', t.oid, 0, 'type', n.nspname, t.typname, NULL,
           format('%I.%I', n.nspname, t.typname), t.typacl, false
    FROM pg_type t
    JOIN visible n ON n.oid = t.typnamespace
    WHERE t.typacl IS NOT NULL
    UNION ALL
    SELECT 'pg_foreign_data_wrapper', w.oid, 0, 'foreign_data_wrapper', NULL, w.fdwname, NULL,
           quote_ident(w.fdwname), w.fdwacl, false
    FROM pg_foreign_data_wrapper w
    WHERE w.fdwacl IS NOT NULL
    UNION ALL
    SELECT 'pg_foreign_server', s.oid, 0, 'foreign_server', NULL, s.srvname, NULL,
           quote_ident(s.srvname), s.srvacl, false
    FROM pg_foreign_server s
    WHERE s.srvacl IS NOT NULL),
ours AS (
    SELECT o.*, row_number() OVER (PARTITION BY o.acl::text) AS place
    FROM acls o
    WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_extension'::regclass
                      AND d.classid = o.catalog_name::regclass AND d.objid = o.object_oid AND d.deptype = 'e'))
SELECT o.catalog_name, o.object_oid, o.column_number, o.object_kind, o.schema_name, o.object_name,
       o.column_name, o.object_subject, o.is_default, o.acl::text AS acl,
       CASE WHEN o.place = 1 THEN
            (SELECT json_agg(json_build_array(e.grantee::bigint, e.name, e.privilege_type, e.is_grantable, e.grantors)
                             ORDER BY e.name, e.privilege_type)
             FROM (SELECT e.grantee, e.privilege_type, bool_or(e.is_grantable) AS is_grantable,
                          CASE e.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(e.grantee) END AS name,
                          array_agg(pg_get_userbyid(e.grantor) ORDER BY pg_get_userbyid(e.grantor)) AS grantors
                   FROM aclexplode(o.acl) e
                   GROUP BY e.grantee, e.privilege_type) e) END AS entries
FROM ours o
ORDER BY o.object_subject, o.object_kind
