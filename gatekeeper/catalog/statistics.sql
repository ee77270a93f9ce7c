-- The server's own counts, as its last VACUUM or ANALYZE left them. No table is read or locked.
-- A table stands for all that an ALTER TABLE of it goes through: its partitions and what inherits
-- from it, at any depth. Whose members are not all known is not known.
WITH RECURSIVE member_of (root, member) AS (
    SELECT c.oid, c.oid
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f', 'm')
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                      AND d.objid = c.oid AND d.deptype = 'e')
    UNION
    SELECT m.root, i.inhrelid FROM member_of m JOIN pg_inherits i ON i.inhparent = m.member
), counted (root, rows) AS (
    SELECT m.root,
           CASE WHEN c.relkind = 'p' THEN 0  -- its rows are those of its partitions
                WHEN c.reltuples < 0 THEN NULL
                -- Before PostgreSQL 14, 0 is also the count of what was never counted.
                WHEN c.reltuples = 0 AND current_setting('server_version_num')::int < 140000 THEN NULL
                ELSE c.reltuples::float8 END
    FROM member_of m JOIN pg_class c ON c.oid = m.member
)
SELECT n.nspname, c.relname,
       CASE WHEN count(*) = count(k.rows) THEN sum(k.rows)::bigint END AS rows
FROM counted k
JOIN pg_class c ON c.oid = k.root
JOIN pg_namespace n ON n.oid = c.relnamespace
GROUP BY c.oid, n.nspname, c.relname
