-- Event triggers see every DDL command, also inside functions and DO blocks, whatever sent it
-- (PostgreSQL manual, chapter 38). They are installed when the base schema stands, so the base
-- history costs nothing. SECURITY DEFINER: a migration may SET ROLE to somebody without rights here.
-- They run after each command, so their time is the migration's: their queries are planned once in a
-- session (force_generic_plan), and what they call has no SET of its own and can be inlined.
CREATE SCHEMA gatekeeper;

-- What held rows as the witness came: facts about locks and scans are about nothing else.
DO $$ BEGIN
    EXECUTE format(
        'CREATE FUNCTION gatekeeper.existing() RETURNS oid[] LANGUAGE sql IMMUTABLE AS %L',
        format('SELECT %L::pg_catalog.oid[]', ARRAY(
            SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p', 'f', 'm') AND n.nspname !~ '^pg_'
              AND n.nspname NOT IN ('information_schema', 'gatekeeper') ORDER BY 1)));
END $$;

CREATE TABLE gatekeeper.events (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    tag text NOT NULL,
    statement int,
    transaction bigint NOT NULL,
    touched jsonb NOT NULL DEFAULT '[]',
    locked bigint[] NOT NULL DEFAULT '{}',
    lock_modes text[] NOT NULL DEFAULT '{}',
    states jsonb NOT NULL DEFAULT '{}',
    scans bigint[] NOT NULL DEFAULT '{}',
    lock_timeout_ms int NOT NULL DEFAULT 0,
    statement_timeout_ms int NOT NULL DEFAULT 0
);

-- The number that the runner wrote behind the statement; the last one counts.
CREATE FUNCTION gatekeeper.statement() RETURNS int LANGUAGE sql VOLATILE AS $$
    SELECT substring(current_query() FROM '.*/\* gatekeeper:([0-9]{1,9}) \*/')::int
$$;

-- What a table or enum looks like now, so that each difference can be traced to the statement that
-- made it. The values are those of gatekeeper.diff.attribute, in the same order.
CREATE FUNCTION gatekeeper.state(relation oid) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_build_object(
        'table', (SELECT jsonb_build_object(c.oid, jsonb_build_array(
                       c.relname, n.nspname, c.relpersistence, d.description,
                       array_to_string(c.reloptions, ', '),
                       CASE c.relreplident WHEN 'n' THEN 'nothing' WHEN 'f' THEN 'full'
                                           WHEN 'i' THEN 'index' ELSE 'default' END))
                   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   LEFT JOIN pg_description d ON d.objoid = c.oid AND d.objsubid = 0
                                             AND d.classoid = 'pg_class'::regclass
                   WHERE c.oid = relation),
        'column', (SELECT coalesce(jsonb_object_agg(a.attnum, jsonb_build_array(
                       a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                       pg_get_expr(def.adbin, def.adrelid),
                       CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END,
                       d.description)), '{}')
                   FROM pg_attribute a
                   LEFT JOIN pg_attrdef def ON def.adrelid = a.attrelid AND def.adnum = a.attnum
                   LEFT JOIN pg_description d ON d.objoid = a.attrelid AND d.objsubid = a.attnum
                                             AND d.classoid = 'pg_class'::regclass
                   WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped),
        'constraint', (SELECT coalesce(jsonb_object_agg(c.oid, jsonb_build_array(
                       c.conname, pg_get_constraintdef(c.oid), c.convalidated, d.description)), '{}')
                   FROM pg_constraint c
                   LEFT JOIN pg_description d ON d.objoid = c.oid AND d.objsubid = 0
                                             AND d.classoid = 'pg_constraint'::regclass
                   WHERE c.conrelid = relation),
        'index', (SELECT coalesce(jsonb_object_agg(i.indexrelid, jsonb_build_array(
                       c.relname, pg_get_indexdef(i.indexrelid), i.indisvalid, d.description)), '{}')
                   FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                   LEFT JOIN pg_description d ON d.objoid = c.oid AND d.objsubid = 0
                                             AND d.classoid = 'pg_class'::regclass
                   WHERE i.indrelid = relation));
END $$;

CREATE FUNCTION gatekeeper.enum_state(type oid) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('enum_value', jsonb_object_agg(e.oid, jsonb_build_array(e.enumlabel)))
    FROM pg_enum e WHERE e.enumtypid = type
$$;

-- The server prints a timeout with a unit that intervals know, too; to ask pg_settings for one value
-- is to make all.
CREATE FUNCTION gatekeeper.milliseconds(setting text) RETURNS int LANGUAGE sql STABLE AS $$
    SELECT (extract(epoch FROM current_setting(setting)::interval) * 1000)::int
$$;

-- ALTER TABLE … DISABLE TRIGGER ALL means the application's triggers, not ours. Event triggers sleep
-- meanwhile: this is no command of the migration. The server forgets the session's plans on the way.
CREATE FUNCTION gatekeeper.keep_watching(relation regclass) RETURNS void LANGUAGE plpgsql
SET session_replication_role = replica AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER gatekeeper_write', relation);
END $$;

-- How often this session has read each table from end to end so far. The server counts as it goes,
-- for ALTER TABLE and index builds as for queries (PostgreSQL manual, 27.2.26,
-- pg_stat_get_xact_*), so the difference over a command says what the command itself had to read.
CREATE FUNCTION gatekeeper.on_start() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM set_config('gatekeeper.scans', array_agg(pg_stat_get_xact_numscans(t.oid))::text, false)
    FROM unnest(gatekeeper.existing()) t(oid);
END $$;

CREATE FUNCTION gatekeeper.on_command() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    commands jsonb;
    locked bigint[];
    lock_modes text[];
BEGIN
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'catalog', classid::regclass::text, 'oid', objid::bigint, 'number', coalesce(objsubid, 0),
               'type', object_type, 'identity', object_identity)) FILTER (WHERE NOT in_extension), '[]')
    INTO commands FROM pg_event_trigger_ddl_commands();
    IF commands = '[]' AND tg_tag !~ '^DROP ' THEN
        RETURN;  -- what an extension's own script does
    END IF;
    SELECT coalesce(array_agg(l.relation), '{}'), coalesce(array_agg(l.mode), '{}')
    INTO locked, lock_modes FROM pg_locks l
    WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation'
      AND l.relation = ANY (gatekeeper.existing());
    INSERT INTO gatekeeper.events (kind, tag, statement, transaction, touched, locked, lock_modes,
                                   states, scans, lock_timeout_ms, statement_timeout_ms)
    SELECT 'command', tg_tag, gatekeeper.statement(), txid_current(), commands, locked, lock_modes,
        (SELECT coalesce(jsonb_object_agg(t.oid, gatekeeper.state(t.oid)), '{}') FROM (
             SELECT (c->>'oid')::oid AS oid FROM jsonb_array_elements(commands) c
             WHERE c->>'catalog' = 'pg_class'
             UNION SELECT i.indrelid FROM jsonb_array_elements(commands) c
             JOIN pg_index i ON i.indexrelid = (c->>'oid')::oid WHERE c->>'catalog' = 'pg_class'
             UNION SELECT con.conrelid FROM jsonb_array_elements(commands) c
             JOIN pg_constraint con ON con.oid = (c->>'oid')::oid WHERE c->>'catalog' = 'pg_constraint'
         ) t JOIN pg_class r ON r.oid = t.oid AND r.relkind IN ('r', 'p', 'f'))
        || (SELECT coalesce(jsonb_object_agg(y.oid, gatekeeper.enum_state(y.oid)), '{}')
            FROM jsonb_array_elements(commands) c
            JOIN pg_type y ON y.oid = (c->>'oid')::oid AND y.typtype = 'e'
            WHERE c->>'catalog' = 'pg_type'),
        ARRAY(SELECT t.oid
              FROM unnest(gatekeeper.existing(),
                          nullif(current_setting('gatekeeper.scans', true), '')::bigint[]) t(oid, was)
              WHERE pg_stat_get_xact_numscans(t.oid) > coalesce(t.was, 0)),
        gatekeeper.milliseconds('lock_timeout'), gatekeeper.milliseconds('statement_timeout');
    IF tg_tag = 'ALTER TABLE' THEN
        PERFORM gatekeeper.keep_watching(t.tgrelid)
        FROM jsonb_array_elements(commands) c JOIN pg_trigger t ON t.tgrelid = (c->>'oid')::oid
        WHERE c->>'catalog' = 'pg_class' AND t.tgname = 'gatekeeper_write' AND t.tgenabled <> 'A';
    END IF;
END $$;

CREATE FUNCTION gatekeeper.on_drop() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO gatekeeper.events (kind, tag, statement, transaction, touched)
    SELECT 'drop', tg_tag, gatekeeper.statement(), txid_current(), jsonb_agg(jsonb_build_object(
        'catalog', classid::regclass::text, 'oid', objid::bigint, 'number', objsubid,
        'type', object_type, 'identity', object_identity, 'by_name', original,
        'by_cascade', normal AND NOT original))
    FROM pg_event_trigger_dropped_objects() WHERE NOT is_temporary
    HAVING count(*) > 0;
END $$;

CREATE FUNCTION gatekeeper.on_rewrite() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO gatekeeper.events (kind, tag, statement, transaction, touched)
    VALUES ('rewrite', tg_tag, gatekeeper.statement(), txid_current(), jsonb_build_array(jsonb_build_object(
        'catalog', 'pg_class', 'oid', pg_event_trigger_table_rewrite_oid()::bigint, 'number', 0,
        'type', 'table', 'identity', pg_event_trigger_table_rewrite_oid()::regclass::text)));
END $$;

-- Event triggers do not see INSERT, UPDATE, DELETE and TRUNCATE. A trigger for each statement fires
-- whether it finds a row or not, for whatever sent it: COPY, MERGE, a function, a CASCADE. The server
-- reports all that reaches a table; `by_name` is false for what another trigger wrote. Loops write
-- alike: a write like the last one, and those after the first 10,000, are not recorded.
CREATE SEQUENCE gatekeeper.writes;

CREATE FUNCTION gatekeeper.on_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
DECLARE
    statement int := gatekeeper.statement();
    direct boolean := pg_trigger_depth() = 1;
    -- This witness, because a session may outlive it and meet the next.
    write text := concat_ws(' ', 'gatekeeper.events'::regclass::oid, statement, tg_op, tg_relid, direct);
BEGIN
    IF write = current_setting('gatekeeper.write', true) OR nextval('gatekeeper.writes') > 10000 THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('gatekeeper.write', write, false);
    INSERT INTO gatekeeper.events (kind, tag, statement, transaction, touched)
    VALUES ('write', tg_op, statement, txid_current(), jsonb_build_array(jsonb_build_object(
        'catalog', 'pg_class', 'oid', tg_relid::bigint, 'number', 0, 'type', 'table',
        'identity', tg_relid::regclass::text, 'by_name', direct)));
    RETURN NULL;
END $$;

CREATE FUNCTION gatekeeper.watch(relation regclass) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER gatekeeper_write BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION gatekeeper.on_write()', relation);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER gatekeeper_write', relation);
END $$;

CREATE EVENT TRIGGER gatekeeper_start ON ddl_command_start EXECUTE FUNCTION gatekeeper.on_start();
CREATE EVENT TRIGGER gatekeeper_command ON ddl_command_end EXECUTE FUNCTION gatekeeper.on_command();
CREATE EVENT TRIGGER gatekeeper_drop ON sql_drop EXECUTE FUNCTION gatekeeper.on_drop();
CREATE EVENT TRIGGER gatekeeper_rewrite ON table_rewrite EXECUTE FUNCTION gatekeeper.on_rewrite();
