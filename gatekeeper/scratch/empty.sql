-- Drops what was made in a database; of the kinds that are rare, what stays is found by the comparison
-- that follows. Event triggers sleep, or they would record it.
SET session_replication_role = replica;
SET client_min_messages = error;
DO $$
DECLARE
    command text;
BEGIN
    -- An array: what is dropped on the way would be missing from a query that is still running.
    FOREACH command IN ARRAY ARRAY(
        SELECT format('DROP EVENT TRIGGER %I', t.evtname) FROM pg_event_trigger t
        UNION ALL
        SELECT format('DROP EXTENSION IF EXISTS %I CASCADE', e.extname) FROM pg_extension e
        WHERE e.oid >= 16384
        UNION ALL
        SELECT format('DROP SCHEMA IF EXISTS %I CASCADE', n.nspname) FROM pg_namespace n
        WHERE n.oid >= 16384 AND n.nspname !~ '^pg_'
        UNION ALL
        SELECT format('DROP %s IF EXISTS %s CASCADE',
                      replace(o.type, 'statistics object', 'statistics'), o.identity)
        FROM pg_depend d, pg_identify_object(d.classid, d.objid, 0) o
        WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = 'public'::regnamespace
          AND d.deptype = 'n'
          AND NOT EXISTS (SELECT FROM pg_depend part WHERE part.classid = d.classid
                          AND part.objid = d.objid AND part.deptype = 'i'
                          AND part.refobjid <> d.objid))  -- a partitioned table, its own key
    LOOP
        EXECUTE command;
    END LOOP;
END $$
