-- An entry without a schema replaces the server's default for the objects of its owner; one with a
-- schema adds to it (manual: ALTER DEFAULT PRIVILEGES). So the first kind is told by its difference.
WITH entries AS (
    SELECT d.defaclrole AS owner_oid, d.defaclnamespace AS schema_oid, n.nspname AS schema_name,
           CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
                WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE 'large objects' END AS object_kind,
           d.defaclacl AS acl,
           CASE WHEN d.defaclnamespace = 0 THEN
                acldefault(CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END, d.defaclrole)
           END AS builtin
    FROM pg_default_acl d
    LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace),
effects AS (
    SELECT e.owner_oid, e.schema_oid, e.schema_name, e.object_kind, a.grantee, a.privilege_type,
           'granted' AS effect, bool_or(a.is_grantable) AS is_grantable
    FROM entries e, aclexplode(e.acl) a
    WHERE NOT EXISTS (SELECT FROM aclexplode(e.builtin) b
                      WHERE b.grantee = a.grantee AND b.privilege_type = a.privilege_type)
    GROUP BY e.owner_oid, e.schema_oid, e.schema_name, e.object_kind, a.grantee, a.privilege_type
    UNION ALL
    SELECT e.owner_oid, e.schema_oid, e.schema_name, e.object_kind, b.grantee, b.privilege_type,
           'revoked', false
    FROM entries e, aclexplode(e.builtin) b
    WHERE NOT EXISTS (SELECT FROM aclexplode(e.acl) a
                      WHERE b.grantee = a.grantee AND b.privilege_type = a.privilege_type))
SELECT owner_oid, pg_get_userbyid(owner_oid) AS owner, schema_oid, schema_name, object_kind,
       grantee AS grantee_oid,
       CASE grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(grantee) END AS grantee,
       privilege_type AS privilege, effect, is_grantable
FROM effects
ORDER BY owner, schema_name NULLS FIRST, object_kind, grantee, privilege
