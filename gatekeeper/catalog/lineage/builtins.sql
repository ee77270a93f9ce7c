SELECT oid, proname AS name FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
