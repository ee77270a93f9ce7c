-- INHERIT and SET belong to the membership since PostgreSQL 16; through to_jsonb() the query can name
-- columns that an older server lacks. The database owner is a member of pg_database_owner without a
-- row (manual: Predefined Roles); before 16, NOINHERIT held it back, too.
SELECT role.oid AS role_oid, role.rolname AS role, member.oid AS member_oid, member.rolname AS member,
       bool_or(m.admin_option) AS can_administer,
       bool_or(coalesce((to_jsonb(m)->>'inherit_option')::boolean, member.rolinherit)) AS inherits,
       bool_or(coalesce((to_jsonb(m)->>'set_option')::boolean, true)) AS can_set_role,
       false AS is_implicit,
       array_agg(grantor.rolname::text ORDER BY grantor.rolname) AS grantors
FROM pg_auth_members m
JOIN pg_roles role ON role.oid = m.roleid
JOIN pg_roles member ON member.oid = m.member
LEFT JOIN pg_roles grantor ON grantor.oid = m.grantor
GROUP BY role.oid, role.rolname, member.oid, member.rolname
UNION ALL
SELECT role.oid, role.rolname, member.oid, member.rolname, false,
       member.rolinherit OR current_setting('server_version_num')::int >= 160000, true, true, '{}'
FROM pg_database d
JOIN pg_roles member ON member.oid = d.datdba
JOIN pg_roles role ON role.rolname = 'pg_database_owner'
WHERE d.datname = current_database()
ORDER BY member, role
