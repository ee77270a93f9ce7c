SELECT c.oid, r.ev_action::text AS tree, pg_get_viewdef(c.oid) AS definition
FROM pg_rewrite r
JOIN pg_class c ON c.oid = r.ev_class
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND r.rulename = '_RETURN'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'gatekeeper')
