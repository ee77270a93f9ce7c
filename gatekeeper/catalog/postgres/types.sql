-- Not the row types of tables and views, nor the array types that come with every type.
SELECT t.oid, n.nspname AS schema_name, t.typname AS name,
       CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'c' THEN 'composite'
                      ELSE 'range' END AS type_kind,
       CASE t.typtype
       WHEN 'd' THEN concat_ws(' ', format_type(t.typbasetype, t.typtypmod),
                     CASE WHEN t.typcollation <> b.typcollation
                          THEN 'COLLATE ' || t.typcollation::regcollation END,
                     'DEFAULT ' || pg_get_expr(t.typdefaultbin, 0), CASE WHEN t.typnotnull THEN 'NOT NULL' END,
                     (SELECT string_agg(format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)),
                                        ' ' ORDER BY k.conname)
                      FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'))
       WHEN 'c' THEN (SELECT string_agg(concat_ws(' ', quote_ident(a.attname),
                                                  format_type(a.atttypid, a.atttypmod),
                                                  CASE WHEN a.attcollation <> y.typcollation
                                                       THEN 'COLLATE ' || a.attcollation::regcollation END),
                                        ', ' ORDER BY a.attnum)
                      FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
                      WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
       WHEN 'r' THEN (SELECT concat_ws(', ', format_type(r.rngsubtype, NULL),
                                       CASE WHEN NOT o.opcdefault
                                            THEN format('SUBTYPE_OPCLASS = %I.%I', os.nspname, o.opcname) END,
                                       CASE WHEN r.rngcollation <> y.typcollation
                                            THEN 'COLLATION = ' || r.rngcollation::regcollation END,
                                       'CANONICAL = ' || nullif(r.rngcanonical::oid, 0)::regprocedure,
                                       'SUBTYPE_DIFF = ' || nullif(r.rngsubdiff::oid, 0)::regprocedure,
                                       'MULTIRANGE_TYPE_NAME = ' || format_type(r.rngmultitypid, NULL))
                      FROM pg_range r JOIN pg_type y ON y.oid = r.rngsubtype
                      JOIN pg_opclass o ON o.oid = r.rngsubopc
                      JOIN pg_namespace os ON os.oid = o.opcnamespace WHERE r.rngtypid = t.oid)
       END AS definition,
       CASE t.typtype
       WHEN 'c' THEN (SELECT string_agg(format('%I: %s', a.attname, de.description), E'\n' ORDER BY a.attnum)
                      FROM pg_description de
                      JOIN pg_attribute a ON a.attrelid = de.objoid AND a.attnum = de.objsubid
                      WHERE de.objoid = t.typrelid AND de.classoid = 'pg_class'::regclass AND de.objsubid > 0)
       WHEN 'd' THEN (SELECT string_agg(format('%I: %s', k.conname, de.description), E'\n' ORDER BY k.conname)
                      FROM pg_constraint k
                      JOIN pg_description de ON de.objoid = k.oid AND de.classoid = 'pg_constraint'::regclass
                      WHERE k.contypid = t.oid AND k.contype = 'c')
       END AS member_comments,
       obj_description(t.oid, 'pg_type') AS comment
FROM pg_type t
JOIN pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_class c ON c.oid = t.typrelid
LEFT JOIN pg_type b ON b.oid = t.typbasetype
WHERE t.typtype IN ('e', 'd', 'c', 'r') AND (t.typtype <> 'c' OR c.relkind = 'c')
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'gatekeeper')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_extension'::regclass
                  AND d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
ORDER BY n.nspname, t.typname
