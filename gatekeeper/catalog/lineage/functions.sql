-- What a function gives: OUT parameters, the attributes of its composite type, or one value.
SELECT p.oid, n.nspname AS schema_name, p.proname AS name, oidvectortypes(p.proargtypes) AS arguments,
       p.prokind AS kind, l.lanname AS language, format_type(p.prorettype, NULL) AS returns,
       coalesce(o.numbers, '{}') AS numbers, coalesce(o.names, '{}') AS names,
       array_remove(coalesce(p.proargnames, '{}'), '') AS parameters,
       p.prosrc AS body, coalesce(p.prosqlbody::text, '') AS tree,
       (SELECT substr(s, length('search_path=') + 1)
        FROM unnest(p.proconfig) s WHERE s LIKE 'search_path=%') AS search_path,
       coalesce((SELECT array_remove(ARRAY[a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggmtransfn, a.aggmfinalfn]::oid[], 0)
                 FROM pg_aggregate a WHERE a.aggfnoid = p.oid), '{}') AS parts
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
JOIN pg_language l ON l.oid = p.prolang
JOIN pg_type t ON t.oid = p.prorettype
LEFT JOIN LATERAL (
    SELECT array_agg(given.number ORDER BY given.number) AS numbers,
           array_agg(given.name::text ORDER BY given.number) AS names
    FROM (SELECT row_number() OVER (ORDER BY i) AS number,
                 coalesce(nullif(p.proargnames[i], ''), 'column' || i) AS name
          FROM generate_subscripts(p.proargmodes, 1) i
          WHERE p.proargmodes[i] IN ('o', 'b', 't')
          UNION ALL
          SELECT a.attnum, a.attname
          FROM pg_attribute a
          WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
          UNION ALL
          SELECT 1, p.proname
          WHERE t.typtype <> 'c' AND t.typname NOT IN ('record', 'void', 'trigger', 'event_trigger')
            AND NOT coalesce(p.proargmodes && '{o,b,t}'::"char"[], false)) given
) o ON true
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'gatekeeper')
