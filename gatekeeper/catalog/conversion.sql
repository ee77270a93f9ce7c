-- Assigns sample values of one type to a column of another and casts them back. Everything here is
-- temporary and rolled back. Names of types come from format_type(), quoted by the server.
CREATE FUNCTION pg_temp.gatekeeper_conversion(was text, becomes text, samples text[]) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    sample text;
    verdict text := 'none';
    by_assignment boolean := true;
    directly boolean := true;
    survived boolean;
    seen boolean := false;
    node oid;
BEGIN
    EXECUTE format('CREATE TEMP TABLE gatekeeper_values (was %s, becomes %s)', was, becomes);
    BEGIN
        UPDATE gatekeeper_values SET becomes = gatekeeper_values.was;
    EXCEPTION WHEN OTHERS THEN
        by_assignment := false;  -- the migration must have said USING
        BEGIN
            EXECUTE format('UPDATE gatekeeper_values SET becomes = was::%s', becomes);
        EXCEPTION WHEN OTHERS THEN
            directly := false;  -- there is no cast: USING went through text
        END;
    END;
    FOREACH sample IN ARRAY samples LOOP
        TRUNCATE gatekeeper_values;
        BEGIN
            EXECUTE format('INSERT INTO gatekeeper_values (was) VALUES (%L::%s)', sample, was);
        EXCEPTION WHEN OTHERS THEN
            CONTINUE;  -- no value of the old type
        END;
        seen := true;
        BEGIN
            EXECUTE 'UPDATE gatekeeper_values SET becomes = ' || CASE
                WHEN by_assignment THEN 'was'
                WHEN directly THEN format('was::%s', becomes)
                ELSE format('was::text::%s', becomes) END;
        EXCEPTION WHEN OTHERS THEN
            RETURN 'may_fail';
        END;
        BEGIN
            EXECUTE format('SELECT becomes::%s::text = was::text FROM gatekeeper_values', was)
            INTO survived;
        EXCEPTION WHEN OTHERS THEN
            BEGIN
                EXECUTE format('SELECT becomes::text::%s::text = was::text FROM gatekeeper_values', was)
                INTO survived;
            EXCEPTION WHEN OTHERS THEN
                survived := false;
            END;
        END;
        IF NOT survived THEN
            verdict := 'lossy';
        END IF;
    END LOOP;
    IF NOT seen THEN
        RETURN NULL;
    END IF;
    IF verdict = 'none' THEN
        TRUNCATE gatekeeper_values;
        node := pg_relation_filenode('gatekeeper_values');
        BEGIN
            EXECUTE format('ALTER TABLE gatekeeper_values ALTER was TYPE %s', becomes);
        EXCEPTION WHEN OTHERS THEN
            RETURN 'widening';
        END;
        IF node <> pg_relation_filenode('gatekeeper_values') THEN
            verdict := 'widening';
        END IF;
    END IF;
    RETURN verdict;
END $$
