-- Kinds that belong to no schema, or that few databases have.
CREATE SCHEMA "Füll ""stuff""";
SET search_path = "Füll ""stuff""";
CREATE TABLE "a.b" ("c.d" int PRIMARY KEY, "e""f" text, "SELECT" int);
CREATE TABLE a ("b.c" int REFERENCES "a.b", "g h" int DEFAULT 3, UNIQUE ("g h", "b.c"));
CREATE TABLE "select" ("from" int, "where" text, CHECK ("from" > 0), CHECK ("where" IN ('a', 'b', NULL)));
CREATE INDEX "order" ON "select" (("from" + 1), ("where" || 'x') COLLATE "C") WHERE "where" <> 'it''s';
CREATE TABLE "😀" ("'" int, "\" int, "--" int, "/*" int, "*/" int, ";" int, "$$" int, " " int, "%" int, "{}" int);
COMMENT ON TABLE "😀" IS '\." ; $$ -- /* '' 😀';
CREATE VIEW "v" AS SELECT "a.b".*, a."g h" AS "x""y" FROM "a.b" LEFT JOIN a ON a."b.c" = "a.b"."c.d";
CREATE TABLE empty ();

CREATE FOREIGN DATA WRAPPER elsewhere OPTIONS (debug 'on');
CREATE SERVER far TYPE 'x' VERSION '1.0' FOREIGN DATA WRAPPER elsewhere OPTIONS (host 'far.example', port '5432');
COMMENT ON SERVER far IS 'Not here.';
CREATE USER MAPPING FOR postgres SERVER far OPTIONS (user 'u', password 'p');
CREATE USER MAPPING FOR public SERVER far;
CREATE FOREIGN TABLE remote (id int OPTIONS (name 'ID') NOT NULL, d date DEFAULT now(), CHECK (id > 0)) SERVER far OPTIONS (path '/x');
COMMENT ON FOREIGN TABLE remote IS 'Far away.';

CREATE COLLATION plain (PROVIDER = libc, LOCALE = 'C');
CREATE COLLATION inside (PROVIDER = builtin, LOCALE = 'C.UTF-8');
COMMENT ON COLLATION plain IS 'By bytes.';
CREATE TABLE collated (a text COLLATE plain, b text COLLATE inside);

CREATE TEXT SEARCH DICTIONARY short (TEMPLATE = pg_catalog.simple, ACCEPT = false, STOPWORDS = english);
CREATE TEXT SEARCH CONFIGURATION words (COPY = pg_catalog.simple);
ALTER TEXT SEARCH CONFIGURATION words ALTER MAPPING FOR asciiword, word WITH short, simple;
ALTER TEXT SEARCH CONFIGURATION words DROP MAPPING FOR email, url;
COMMENT ON TEXT SEARCH CONFIGURATION words IS 'No stop words.';

CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER watching ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'DROP TABLE') EXECUTE FUNCTION watch();
CREATE EVENT TRIGGER asleep ON sql_drop EXECUTE FUNCTION watch();
ALTER EVENT TRIGGER asleep DISABLE;
COMMENT ON EVENT TRIGGER asleep IS 'Zzz.';
ALTER EVENT TRIGGER watching ENABLE ALWAYS;

CREATE UNLOGGED SEQUENCE fast INCREMENT -3 MAXVALUE -1 MINVALUE -100;
CREATE FUNCTION hooked(internal) RETURNS internal LANGUAGE internal STRICT AS 'generate_series_int4_support';
