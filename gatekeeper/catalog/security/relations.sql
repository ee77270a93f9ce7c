-- What a view uses is what the server will check: the relations of its query, and a bit for each column
-- that it names, which is the number and 7 (the whole row is 7, system columns are below). Without any,
-- as in count(*), one readable column will do. pg_depend would also have what a function of a row type
-- returns. pg_relation_is_updatable() gives bits, too: 8 is INSERT, 4 UPDATE, 16 DELETE; what a rule or
-- an INSTEAD OF trigger takes is not passed on. What only views have is asked of them alone, since most
-- relations are tables.
WITH events (word, bit, rule, trigger) AS (
    VALUES ('INSERT', 8, '3', 4), ('UPDATE', 4, '2', 16), ('DELETE', 16, '4', 8))
SELECT c.oid, n.nspname AS schema_name, c.relname AS name,
       CASE c.relkind WHEN 'p' THEN 'partitioned' WHEN 'f' THEN 'foreign' WHEN 'v' THEN 'view'
                      WHEN 'm' THEN 'materialized_view' ELSE 'table' END AS relation_kind,
       n.oid AS schema_oid, c.relowner AS owner_oid, pg_get_userbyid(c.relowner) AS owner,
       coalesce(columns.numbers, '{}') AS column_numbers,
       coalesce(columns.names, '{}') AS column_names,
       c.relrowsecurity AS row_security, c.relforcerowsecurity AS row_security_forced,
       c.relispartition AS is_partition,
       ARRAY(SELECT i.inhparent::bigint FROM pg_inherits i
             WHERE i.inhrelid = c.oid AND NOT i.inhdetachpending ORDER BY i.inhseqno) AS parents,
       c.relkind = 'v' AND EXISTS (SELECT FROM pg_options_to_table(c.reloptions)
             WHERE option_name = 'security_invoker' AND option_value::boolean) AS security_invoker,
       c.relkind = 'v' AND EXISTS (SELECT FROM pg_options_to_table(c.reloptions)
             WHERE option_name = 'security_barrier' AND option_value::boolean) AS security_barrier,
       coalesce(CASE WHEN c.relkind IN ('v', 'm') THEN
            (SELECT array_agg(DISTINCT ARRAY[asked.oid, n.number])
             FROM pg_rewrite w,
             unnest(string_to_array(w.ev_action::text,
                    CASE WHEN current_setting('server_version_num')::int >= 160000
                         THEN '{RTEPERMISSIONINFO' ELSE ':rtekind 0' END || ' :relid ')) WITH ORDINALITY r (text, place),
             LATERAL (SELECT split_part(r.text, ' ', 1)::bigint AS oid,
                             split_part(split_part(r.text, ':selectedCols (b', 2), ')', 1) AS columns
                      WHERE r.place > 1 AND split_part(split_part(r.text, ':requiredPerms ', 2), ' ', 1)::int & 2 > 0) asked,
             unnest(CASE asked.columns WHEN '' THEN ARRAY[7] ELSE string_to_array(ltrim(asked.columns), ' ')::int[] END) bit,
             LATERAL (SELECT bit - 7 AS number WHERE bit <> 7 OR asked.columns = ''
                      UNION ALL
                      SELECT a.attnum::int FROM pg_attribute a
                      WHERE a.attrelid = asked.oid AND bit = 7 AND asked.columns <> ''
                        AND a.attnum > 0 AND NOT a.attisdropped) n
             WHERE w.ev_class = c.oid AND w.rulename = '_RETURN') END, '{}') AS uses,
       CASE WHEN c.relkind IN ('v', 'm') THEN
            ARRAY(SELECT DISTINCT d.refobjid::bigint
                  FROM pg_rewrite w
                  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.deptype = 'n'
                  WHERE w.ev_class = c.oid AND w.rulename = '_RETURN' AND d.refclassid = 'pg_proc'::regclass
                  ORDER BY 1) ELSE '{}' END AS calls,
       CASE c.relkind WHEN 'v' THEN
            ARRAY(SELECT e.word FROM events e
                  WHERE pg_relation_is_updatable(c.oid, true) & e.bit > 0) ELSE '{}' END AS accepts,
       CASE c.relkind WHEN 'v' THEN
            ARRAY(SELECT e.word FROM events e
                  WHERE pg_relation_is_updatable(c.oid, false) & e.bit > 0
                    AND NOT EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid
                                    AND r.ev_type::text = e.rule AND r.is_instead)
                    AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid
                                    AND t.tgtype & 64 > 0 AND t.tgtype & e.trigger > 0)) ELSE '{}' END AS passes_on,
       CASE c.relkind WHEN 'v' THEN
            ARRAY(SELECT number FROM unnest(columns.numbers) number
                  WHERE pg_column_is_updatable(c.oid, number::smallint, false)) ELSE '{}' END AS updatable_columns,
       CASE WHEN c.relkind IN ('v', 'm') THEN md5(pg_get_viewdef(c.oid)) ELSE '' END AS fingerprint
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT array_agg(a.attnum::int) AS numbers, array_agg(a.attname::text) AS names
    FROM (SELECT a.attnum, a.attname FROM pg_attribute a
          WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) a) columns
WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm')
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'gatekeeper')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_extension'::regclass
                  AND d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname, c.relname
