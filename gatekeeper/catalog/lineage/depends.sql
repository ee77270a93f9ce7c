-- What the server itself says is used. Column 0 is a relation as a whole: it is named when no column
-- is (count(*)), and for a whole row, whose columns are not named then.
SELECT 'pg_class' AS kind, r.ev_class AS oid, d.refobjid AS used, d.refobjsubid::integer AS number
FROM pg_depend d
JOIN pg_rewrite r ON r.oid = d.objid AND r.rulename = '_RETURN'
JOIN pg_class c ON c.oid = d.refobjid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
  AND d.refobjid <> r.ev_class AND d.refobjsubid >= 0  -- below 0 are system columns
UNION ALL
SELECT 'pg_proc', d.objid, d.refobjid, d.refobjsubid
FROM pg_depend d
JOIN pg_class c ON c.oid = d.refobjid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_class'::regclass
  AND d.refobjsubid >= 0
