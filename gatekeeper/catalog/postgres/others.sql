-- The rarer kinds, each with a definition put together from its catalog. What extensions brought is left
-- out, and of user mappings the values of options: passwords are among them.
WITH o(catalog_name, oid, kind, schema_name, name, subject, table_oid, definition) AS (
    SELECT 'pg_event_trigger', e.oid, 'event_trigger', NULL, e.evtname, quote_ident(e.evtname), 0::oid,
           concat_ws(' ', 'ON', e.evtevent,
               'WHEN TAG IN (' || (SELECT string_agg(quote_literal(tag), ', ' ORDER BY tag)
                                   FROM unnest(e.evttags) tag) || ')',
               'EXECUTE FUNCTION', e.evtfoid::regprocedure,
               CASE e.evtenabled WHEN 'D' THEN 'DISABLED' WHEN 'R' THEN 'ENABLED REPLICA'
                                 WHEN 'A' THEN 'ENABLED ALWAYS' END)
    FROM pg_event_trigger e
    JOIN pg_proc p ON p.oid = e.evtfoid
    JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname <> 'gatekeeper'
    UNION ALL
    SELECT 'pg_statistic_ext', s.oid, 'statistics', n.nspname, s.stxname,
           format('%I.%I', n.nspname, s.stxname), s.stxrelid,
           concat(pg_get_statisticsobjdef(s.oid), ' STATISTICS ' || nullif(s.stxstattarget, -1))
    FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
    UNION ALL
    SELECT 'pg_collation', l.oid, 'collation', n.nspname, l.collname, format('%I.%I', n.nspname, l.collname), 0,
           concat_ws(' ', 'PROVIDER',
               CASE l.collprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END,
               'LC_COLLATE ' || quote_literal(l.collcollate), 'LC_CTYPE ' || quote_literal(l.collctype),
               'LOCALE ' || quote_literal(l.colliculocale),  -- since 15 until 16
               'LOCALE ' || quote_literal(l.colllocale),  -- since 17
               'RULES ' || quote_literal(l.collicurules),  -- since 16
               CASE WHEN NOT l.collisdeterministic THEN 'NOT DETERMINISTIC' END)
    FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace
    UNION ALL
    SELECT 'pg_foreign_data_wrapper', w.oid, 'foreign_data_wrapper', NULL, w.fdwname, quote_ident(w.fdwname), 0,
           concat_ws(' ', 'HANDLER ' || nullif(w.fdwhandler, 0)::regprocedure,
               'VALIDATOR ' || nullif(w.fdwvalidator, 0)::regprocedure,
               'OPTIONS (' || array_to_string(w.fdwoptions, ', ') || ')')
    FROM pg_foreign_data_wrapper w
    UNION ALL
    SELECT 'pg_foreign_server', s.oid, 'foreign_server', NULL, s.srvname, quote_ident(s.srvname), 0,
           concat_ws(' ', 'TYPE ' || quote_literal(s.srvtype), 'VERSION ' || quote_literal(s.srvversion),
               'FOREIGN DATA WRAPPER ' || quote_ident(w.fdwname),
               'OPTIONS (' || array_to_string(s.srvoptions, ', ') || ')')
    FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
    UNION ALL
    SELECT 'pg_user_mapping', m.umid, 'user_mapping', NULL, m.usename, format('%I.%I', m.srvname, m.usename), 0,
           'OPTIONS (' || coalesce((SELECT string_agg(split_part(o, '=', 1), ', ' ORDER BY o)
                                    FROM unnest(m.umoptions) o), '') || ')'
    FROM pg_user_mappings m
    UNION ALL
    SELECT 'pg_ts_config', c.oid, 'text_search_configuration', n.nspname, c.cfgname,
           format('%I.%I', n.nspname, c.cfgname), 0,
           format('PARSER %I.%I', pn.nspname, p.prsname) || coalesce(
               (SELECT string_agg(format(E'\n%s: %s', m.token, m.dictionaries), '' ORDER BY m.token)
                FROM (SELECT k.alias AS token, string_agg(y.mapdict::regdictionary::text, ', '
                                                          ORDER BY y.mapseqno) AS dictionaries
                      FROM pg_ts_config_map y
                      JOIN ts_token_type(c.cfgparser) k ON k.tokid = y.maptokentype
                      WHERE y.mapcfg = c.oid GROUP BY k.alias) m), '')
    FROM pg_ts_config c
    JOIN pg_namespace n ON n.oid = c.cfgnamespace
    JOIN pg_ts_parser p ON p.oid = c.cfgparser
    JOIN pg_namespace pn ON pn.oid = p.prsnamespace
    UNION ALL
    SELECT 'pg_ts_dict', y.oid, 'text_search_dictionary', n.nspname, y.dictname,
           format('%I.%I', n.nspname, y.dictname), 0,
           concat_ws(' ', format('TEMPLATE %I.%I', tn.nspname, t.tmplname), '(' || y.dictinitoption || ')')
    FROM pg_ts_dict y
    JOIN pg_namespace n ON n.oid = y.dictnamespace
    JOIN pg_ts_template t ON t.oid = y.dicttemplate
    JOIN pg_namespace tn ON tn.oid = t.tmplnamespace)
SELECT o.*, obj_description(o.oid, o.catalog_name) AS comment
FROM o
WHERE o.oid >= 16384  -- the first oid that is not the server's own
  AND (o.schema_name IS NULL
       OR o.schema_name !~ '^pg_' AND o.schema_name NOT IN ('information_schema', 'gatekeeper'))
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_extension'::regclass
                  AND d.classid = o.catalog_name::regclass AND d.objid = o.oid AND d.deptype = 'e')
ORDER BY o.kind, o.subject
