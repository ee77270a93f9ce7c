-- The server's own roles (pg_*) count when somebody is a member of them, directly or not. The database
-- owner always is one of pg_database_owner.
WITH RECURSIVE joined AS (
    SELECT m.roleid FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname !~ '^pg_'
    UNION
    SELECT 'pg_database_owner'::regrole::oid
    UNION
    SELECT m.roleid FROM pg_auth_members m JOIN joined j ON j.roleid = m.member)
SELECT r.oid, r.rolname AS name, r.rolsuper AS is_superuser, r.rolcanlogin AS can_login,
       r.rolinherit AS inherits, r.rolbypassrls AS bypasses_row_security,
       r.rolcreaterole AS can_create_role, r.rolcreatedb AS can_create_database,
       r.rolreplication AS can_replicate,
       (SELECT string_agg(o, ', ' ORDER BY o) FROM pg_db_role_setting s, unnest(s.setconfig) o
        WHERE s.setrole = r.oid AND s.setdatabase IN
              (0, (SELECT oid FROM pg_database WHERE datname = current_database()))) AS settings,
       shobj_description(r.oid, 'pg_authid') AS comment
FROM pg_roles r
WHERE r.rolname !~ '^pg_' OR r.oid IN (SELECT roleid FROM joined)
ORDER BY r.rolname
