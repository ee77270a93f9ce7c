-- What a view uses is what the server will check: the relations of its query, and a bit for each column
-- that it names, which is the number and 7 (the whole row is 7, system columns are below). Without any,
-- as in count(*), one readable column will do. pg_depend would also have what a function of a row type
-- returns. pg_relation_is_updatable() gives bits, too: 8 is INSERT, 4 UPDATE, 16 DELETE; what a rule or
-- an INSTEAD OF trigger takes is not passed on. The server's own views are below 16384.
WITH events (word, bit, rule, trigger) AS (
    VALUES ('INSERT', 8, '3', 4), ('UPDATE', 4, '2', 16), ('DELETE', 16, '4', 8)),
columns AS (
    SELECT a.attrelid, array_agg(a.attnum::int ORDER BY a.attnum) AS numbers,
           array_agg(a.attname::text ORDER BY a.attnum) AS names
    FROM pg_attribute a
    WHERE a.attnum > 0 AND NOT a.attisdropped
    GROUP BY a.attrelid),
asked AS (
    SELECT w.ev_class, r.part[1]::bigint AS oid,
           CASE WHEN r.part[3] = '' THEN ARRAY[7] ELSE string_to_array(ltrim(r.part[3]), ' ')::int[] END AS bits,
           r.part[3] = '' AS none
    FROM pg_rewrite w, regexp_matches(w.ev_action::text,
         CASE WHEN current_setting('server_version_num')::int >= 160000 THEN '{RTEPERMISSIONINFO' ELSE ':rtekind 0' END
         || ' :relid (\d+?) .*?:requiredPerms (\d+?) :checkAsUser \d+? :selectedCols \(b([^)]*?)\)', 'g') r (part)
    WHERE w.rulename = '_RETURN' AND w.ev_class >= 16384 AND r.part[2]::int & 2 > 0),
used AS (
    SELECT a.ev_class, array_agg(DISTINCT ARRAY[a.oid, n.number]) AS uses
    FROM asked a, unnest(a.bits) bit,
    LATERAL (SELECT bit - 7 AS number WHERE bit <> 7 OR a.none
             UNION ALL
             SELECT unnest(c.numbers) FROM columns c WHERE c.attrelid = a.oid AND bit = 7 AND NOT a.none) n
    GROUP BY a.ev_class),
called AS (
    SELECT w.ev_class, array_agg(DISTINCT d.refobjid::bigint) AS calls
    FROM pg_rewrite w
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.deptype = 'n'
    WHERE w.rulename = '_RETURN' AND w.ev_class >= 16384 AND d.refclassid = 'pg_proc'::regclass
    GROUP BY w.ev_class)
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
       coalesce(used.uses, '{}') AS uses, coalesce(called.calls, '{}') AS calls,
       ARRAY(SELECT e.word FROM events e WHERE c.relkind = 'v'
             AND pg_relation_is_updatable(c.oid, true) & e.bit > 0) AS accepts,
       ARRAY(SELECT e.word FROM events e WHERE c.relkind = 'v'
             AND pg_relation_is_updatable(c.oid, false) & e.bit > 0
             AND NOT EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid
                             AND r.ev_type::text = e.rule AND r.is_instead)
             AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid
                             AND t.tgtype & 64 > 0 AND t.tgtype & e.trigger > 0)) AS passes_on,
       ARRAY(SELECT number FROM unnest(columns.numbers) number WHERE c.relkind = 'v'
             AND pg_column_is_updatable(c.oid, number::smallint, false)) AS updatable_columns,
       CASE WHEN c.relkind IN ('v', 'm') THEN md5(pg_get_viewdef(c.oid)) ELSE '' END AS fingerprint
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN columns ON columns.attrelid = c.oid
LEFT JOIN used ON used.ev_class = c.oid
LEFT JOIN called ON called.ev_class = c.oid
WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm')
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'gatekeeper')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_extension'::regclass
                  AND d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname, c.relname
