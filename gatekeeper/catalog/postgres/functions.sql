-- Functions that the server makes for range and multirange types belong to those types (deptype i).
SELECT p.oid, n.nspname AS schema_name, p.proname AS name,
       oidvectortypes(p.proargtypes) AS arguments,
       pg_get_function_arguments(p.oid) AS signature,
       CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' WHEN 'w' THEN 'window'
                      ELSE 'function' END AS function_kind,
       pg_get_function_result(p.oid) AS returns, l.lanname AS language,
       CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END AS volatility,
       p.proisstrict AS is_strict, p.prosecdef AS is_security_definer, p.proleakproof AS is_leakproof,
       CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END AS parallel,
       p.procost AS cost, p.prorows AS rows, nullif(p.prosupport::text, '-') AS support,
       (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(p.proconfig) o) AS settings,
       coalesce(pg_get_function_sqlbody(p.oid), CASE WHEN a.aggfnoid IS NULL
           THEN concat_ws(', ', p.probin, p.prosrc)
           ELSE concat_ws(', ',
               'SFUNC = ' || a.aggtransfn::oid::regprocedure, 'STYPE = ' || format_type(a.aggtranstype, NULL),
               'SSPACE = ' || nullif(a.aggtransspace, 0), 'INITCOND = ' || quote_literal(a.agginitval),
               'FINALFUNC = ' || nullif(a.aggfinalfn::oid, 0)::regprocedure,
               CASE WHEN a.aggfinalextra THEN 'FINALFUNC_EXTRA' END,
               CASE a.aggfinalmodify WHEN 's' THEN 'FINALFUNC_MODIFY = SHAREABLE'
                                     WHEN 'w' THEN 'FINALFUNC_MODIFY = READ_WRITE' END,
               'COMBINEFUNC = ' || nullif(a.aggcombinefn::oid, 0)::regprocedure,
               'SERIALFUNC = ' || nullif(a.aggserialfn::oid, 0)::regprocedure,
               'DESERIALFUNC = ' || nullif(a.aggdeserialfn::oid, 0)::regprocedure,
               'MSFUNC = ' || nullif(a.aggmtransfn::oid, 0)::regprocedure,
               'MINVFUNC = ' || nullif(a.aggminvtransfn::oid, 0)::regprocedure,
               'MSTYPE = ' || format_type(nullif(a.aggmtranstype, 0), NULL),
               'MSSPACE = ' || nullif(a.aggmtransspace, 0), 'MINITCOND = ' || quote_literal(a.aggminitval),
               'MFINALFUNC = ' || nullif(a.aggmfinalfn::oid, 0)::regprocedure,
               CASE WHEN a.aggmfinalextra THEN 'MFINALFUNC_EXTRA' END,
               CASE a.aggmfinalmodify WHEN 's' THEN 'MFINALFUNC_MODIFY = SHAREABLE'
                                      WHEN 'w' THEN 'MFINALFUNC_MODIFY = READ_WRITE' END,
               'SORTOP = ' || nullif(a.aggsortop, 0)::regoperator,
               CASE a.aggkind WHEN 'h' THEN 'HYPOTHETICAL' END) END) AS body,
       obj_description(p.oid, 'pg_proc') AS comment
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
JOIN pg_language l ON l.oid = p.prolang
LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'gatekeeper')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
                  AND d.objid = p.oid AND d.deptype IN ('e', 'i'))
ORDER BY n.nspname, p.proname, arguments
