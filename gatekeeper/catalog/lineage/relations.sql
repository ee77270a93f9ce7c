-- The server's own relations are read as well: views can be built on them, and functions name them.
SELECT c.oid, n.nspname AS schema_name, c.relname AS name, c.relkind AS kind, c.reltype AS row_type,
       coalesce(array_agg(a.attnum ORDER BY a.attnum) FILTER (WHERE a.attnum IS NOT NULL), '{}') AS numbers,
       coalesce(array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attnum IS NOT NULL), '{}') AS names
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  AND n.nspname !~ '^pg_(toast|temp)' AND n.nspname <> 'gatekeeper'
GROUP BY c.oid, n.nspname, c.relname, c.relkind, c.reltype
