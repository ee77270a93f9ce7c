"""What each column of a view shows: by the server's rule, by its text, and as a function's body.

An expectation reads `column =copied ~derived; … | conditions`; names are without their schema shop,
and `users.*` is every column of users.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from gatekeeper.access.lineage import Exposure, Lineage, Trace
from gatekeeper.catalog.lineage import read_lineage_source
from gatekeeper.model.lineage import COPIED, LineageSource
from gatekeeper.model.names import quoted

SCHEMA = """
CREATE SCHEMA shop; CREATE SCHEMA other; CREATE SCHEMA "we.ird";
CREATE TYPE shop.address AS (street text, city text);
CREATE TABLE shop.users (id int PRIMARY KEY, email text, dropped text, name text, phone text,
                         salary int, home shop.address, tags text[], born date);
ALTER TABLE shop.users DROP COLUMN dropped;
CREATE TABLE shop.orders (id int PRIMARY KEY, user_id int, note text, total numeric, doc jsonb,
                          placed timestamptz);
CREATE TABLE other.users (id int, email text);
CREATE TABLE "we.ird"."Sel""ect" ("a b" text, "X.Y" text, "Ünï" text, ":expr" text);
CREATE TABLE shop.parts (id int, region text, secret text) PARTITION BY LIST (region);
CREATE TABLE shop.parts_eu PARTITION OF shop.parts FOR VALUES IN ('eu');
CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER far FOREIGN DATA WRAPPER nowhere;
CREATE FOREIGN TABLE shop.remote (id int, token text) SERVER far;
CREATE FUNCTION shop.mask(t text) RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT left(t, 1) || '***' $$;
CREATE FUNCTION shop.people() RETURNS SETOF shop.users LANGUAGE sql STABLE
    AS $$ SELECT * FROM shop.users $$;
CREATE FUNCTION shop.pairs() RETURNS TABLE (a text, b int) LANGUAGE sql STABLE
    AS $$ SELECT email, id FROM shop.users $$;
CREATE FUNCTION shop.anything() RETURNS SETOF record LANGUAGE sql STABLE
    AS $$ SELECT email, id FROM shop.users $$;
CREATE FUNCTION shop.one(i int) RETURNS text LANGUAGE sql STABLE
    AS $$ SELECT email FROM shop.users WHERE id = i $$;
CREATE AGGREGATE shop.lastof (text) (sfunc = textcat, stype = text);
CREATE OPERATOR shop.<+> (leftarg = text, rightarg = text, function = textcat);
CREATE FUNCTION shop.shout(text, text) RETURNS text LANGUAGE sql AS $$ SELECT upper($1) $$;
CREATE OPERATOR shop.<!> (leftarg = text, rightarg = text, function = shop.shout);
CREATE SEQUENCE shop.numbers;
CREATE VIEW shop.contacts AS SELECT id AS key, email AS contact, name FROM shop.users;
CREATE MATERIALIZED VIEW shop.kept AS SELECT phone, id FROM shop.users;
"""

# One case a line pair: a query, and what is expected of it.
CASES = """
SELECT id, email AS contact FROM shop.users
  id =users.id; contact =users.email |
SELECT * FROM shop.kept
  phone =kept.phone; id =kept.id |
SELECT token FROM shop.remote WHERE id > 1
  token =remote.token | remote.id
SELECT email::varchar(10) e, born::text b, CAST(salary AS text)::bigint s FROM shop.users
  e =users.email; b =users.born; s =users.salary |
SELECT lower(email) l, md5(email) m, left(email, 3) f, substring(email FROM 2 FOR 3) t FROM shop.users
  l ~users.email; m ~users.email; f ~users.email; t ~users.email |
SELECT count(email) n, max(salary) m, sum(salary) s FROM shop.users
  n ~users.email; m =users.salary; s ~users.salary |
SELECT array_agg(email) a, string_agg(email, ',' ORDER BY id) FILTER (WHERE name <> '') s FROM shop.users
  a =users.email; s =users.email | users.id users.name
SELECT count(DISTINCT email) c, count(*) n FROM shop.users
  c ~users.email; n |
SELECT CASE WHEN salary > 10 THEN email ELSE name END c FROM shop.users
  c =users.email =users.name ~users.salary |
SELECT CASE email WHEN 'a' THEN 1 ELSE salary END c FROM shop.users
  c ~users.email =users.salary |
SELECT coalesce(email, name, 'x') c, nullif(email, name) n, greatest(id, salary) g FROM shop.users
  c =users.email =users.name; n =users.email ~users.name; g =users.id =users.salary |
SELECT u FROM shop.users u
  u =users.* |
SELECT u.*::text t, u::text t2, row_to_json(u) j, to_jsonb(u.*) k, json_agg(u) a FROM shop.users u GROUP BY u.id
  t =users.*; t2 =users.*; j =users.*; k =users.*; a =users.* |
SELECT json_agg(row_to_json(x)) a FROM (SELECT id, email FROM shop.users) x
  a =users.id =users.email |
SELECT md5(u::text) m, (u IS NOT NULL) n, count(u) c FROM shop.users u GROUP BY u.id
  m ~users.*; n ~users.*; c ~users.* |
SELECT ROW(u.id, u.email)::text r, ARRAY[u.email, u.name] a FROM shop.users u
  r =users.id =users.email; a =users.email =users.name |
SELECT (u.home).city c, (u.home).* FROM shop.users u
  c =users.home; street =users.home; city =users.home |
SELECT tags[1] t, tags[1:2] s, tags[salary] i FROM shop.users
  t =users.tags; s =users.tags; i ~users.salary =users.tags |
SELECT u.id, o.note FROM shop.users u JOIN shop.orders o ON o.user_id = u.id WHERE u.email LIKE 'a%'
  id =users.id; note =orders.note | orders.user_id users.email
SELECT id, note, email FROM shop.users JOIN shop.orders USING (id)
  id =users.id; note =orders.note; email =users.email | orders.id
SELECT id, note FROM shop.users RIGHT JOIN shop.orders USING (id)
  id =orders.id; note =orders.note | users.id
SELECT id FROM shop.users FULL JOIN other.users USING (id)
  id =users.id =other.users.id |
SELECT * FROM other.users NATURAL JOIN (SELECT email, note FROM shop.users, shop.orders) x
  email =other.users.email; id =other.users.id; note =orders.note | users.email
SELECT x.a, x.b, x.name FROM shop.users AS x(a, b) WHERE x.salary > 1
  a =users.id; b =users.email; name =users.name | users.salary
SELECT j.k, j.e FROM (shop.users u JOIN other.users o USING (id)) AS j(k, e, c, d, f, g, h, i, l)
  k =users.id; e =users.email | other.users.id
SELECT u.a FROM (shop.users CROSS JOIN other.users) u(a)
  a =users.id |
SELECT jj.id, u.name FROM shop.users u JOIN other.users o USING (id) AS jj
  id =users.id; name =users.name | other.users.id
WITH c AS (SELECT id, email FROM shop.users) SELECT c.email FROM c
  email =users.email | users.id
WITH c AS MATERIALIZED (SELECT id, email FROM shop.users), d(x) AS (SELECT email FROM c) SELECT d.x, c.id FROM c, d
  x =users.email; id =users.id |
WITH unused AS (SELECT email FROM shop.users) SELECT id FROM shop.users
  id =users.id | users.email
WITH users AS (SELECT note AS email FROM shop.orders) SELECT email FROM users
  email =orders.note |
WITH RECURSIVE r(n, e) AS (SELECT id, email FROM shop.users UNION ALL SELECT n + 1, u.name FROM r JOIN shop.users u ON u.id = r.n) SELECT e, n FROM r
  e =users.email =users.name; n =users.id |
WITH RECURSIVE r AS (SELECT email a, name b, phone c, '' d FROM shop.users UNION SELECT b, c, d, a FROM r) SELECT a, d FROM r
  a =users.email =users.name =users.phone; d =users.email =users.name =users.phone |
WITH RECURSIVE r AS (SELECT email a, name b FROM shop.users UNION SELECT * FROM (WITH RECURSIVE q AS (SELECT b, a FROM r UNION SELECT a, b FROM q) SELECT * FROM q) x) SELECT a FROM r
  a =users.email =users.name |
WITH RECURSIVE r(id, e) AS (SELECT id, email FROM shop.users UNION ALL SELECT r.id, r.e FROM r) SEARCH DEPTH FIRST BY id SET o SELECT e, o::text t FROM r
  e =users.email; t =users.id =users.email |
WITH RECURSIVE r(id, e) AS (SELECT id, email FROM shop.users UNION ALL SELECT r.id, r.e FROM r) CYCLE id SET done USING path SELECT e, done FROM r
  e =users.email; done =users.id =users.email |
SELECT email FROM shop.users UNION SELECT note FROM shop.orders
  email =users.email =orders.note |
SELECT id, email FROM shop.users UNION ALL (SELECT id, note FROM shop.orders ORDER BY placed LIMIT 3)
  id =users.id =orders.id; email =users.email =orders.note | orders.placed
SELECT email FROM shop.users EXCEPT SELECT note FROM shop.orders
  email =users.email | orders.note
SELECT email FROM shop.users INTERSECT ALL SELECT note FROM shop.orders
  email =users.email =orders.note |
(SELECT email FROM shop.users EXCEPT SELECT note FROM shop.orders) UNION (SELECT name FROM shop.users EXCEPT SELECT phone FROM shop.users)
  email =users.email =users.name | orders.note users.phone
SELECT (SELECT max(o.total) FROM shop.orders o WHERE o.user_id = u.id) t FROM shop.users u
  t =orders.total | orders.user_id users.id
SELECT EXISTS (SELECT 1 FROM shop.orders o WHERE o.user_id = u.id) e FROM shop.users u
  e ~users.id ~orders.user_id |
SELECT id FROM shop.users WHERE id IN (SELECT user_id FROM shop.orders WHERE total > 5)
  id =users.id | orders.total orders.user_id
SELECT id IN (SELECT user_id FROM shop.orders WHERE total > 5) i FROM shop.users
  i ~users.id ~orders.user_id | orders.total
SELECT (id, name) = ANY (SELECT user_id, note FROM shop.orders) q FROM shop.users
  q ~users.id ~users.name ~orders.user_id ~orders.note |
SELECT ARRAY(SELECT note FROM shop.orders o WHERE o.user_id = u.id ORDER BY placed) n FROM shop.users u
  n =orders.note | orders.placed orders.user_id users.id
SELECT (SELECT u2 FROM shop.users u2 WHERE u2.id = o.user_id)::text w FROM shop.orders o
  w =users.* | orders.user_id
SELECT u.id FROM shop.users u WHERE EXISTS (SELECT FROM shop.orders o WHERE o.note = u.phone)
  id =users.id | orders.note users.phone
SELECT u.id, l.* FROM shop.users u LEFT JOIN LATERAL (SELECT o.note, u.phone FROM shop.orders o WHERE o.user_id = u.id LIMIT 1) l ON true
  id =users.id; note =orders.note; phone =users.phone | orders.user_id
SELECT x.e FROM shop.users u CROSS JOIN LATERAL (SELECT u.email e) x
  e =users.email |
SELECT (SELECT y.id FROM (SELECT id FROM shop.orders) y LIMIT 1) i, x.id FROM shop.users x
  i =orders.id; id =users.id |
SELECT * FROM (VALUES (1, 'a'), (2, 'b')) v(n, s)
  n; s |
SELECT v.x, v.y FROM shop.users u, LATERAL (VALUES (u.email, 1), (u.name, u.id)) v(x, y)
  x =users.email =users.name; y =users.id |
SELECT t.tag FROM shop.users u, unnest(u.tags) t(tag)
  tag =users.tags |
SELECT t.tag, t.n FROM shop.users u, unnest(u.tags) WITH ORDINALITY t(tag, n)
  tag =users.tags; n |
SELECT t.a, t.b FROM shop.users u, unnest(u.tags, ARRAY[u.name]) t(a, b)
  a =users.tags; b =users.name |
SELECT g.i FROM shop.users u, generate_series(1, u.salary) g(i)
  i ~users.salary |
SELECT r.a, r.b FROM shop.orders o, ROWS FROM (unnest(ARRAY[o.note]), generate_series(1, 3)) r(a, b)
  a =orders.note; b |
SELECT unnest(tags) t, generate_series(1, salary) g FROM shop.users
  t =users.tags; g ~users.salary |
SELECT e.key, e.value FROM shop.orders o, jsonb_each_text(o.doc) e
  key =orders.doc; value =orders.doc |
SELECT j.* FROM shop.orders o, jsonb_to_record(o.doc) AS j(a text, b int)
  a =orders.doc; b =orders.doc |
SELECT doc -> 'x' a, doc ->> 'y' b, doc #>> '{a,b}' c, doc['z'] d FROM shop.orders
  a =orders.doc; b =orders.doc; c =orders.doc; d =orders.doc |
SELECT jsonb_pretty(doc -> 'x') a, max(doc ->> 'x') b FROM shop.orders GROUP BY doc
  a =orders.doc; b =orders.doc |
SELECT doc IS JSON OBJECT j, doc @> '{}' c, doc ? 'x' k FROM shop.orders
  j ~orders.doc; c ~orders.doc; k ~orders.doc |
SELECT j.nm FROM shop.orders o, json_table(o.doc, '$[*]' COLUMNS (nm text PATH '$.n')) j
  nm =orders.doc |
SELECT json_value(doc, '$.x') v, json_query(doc, '$.y') q, json_exists(doc, '$.z') e FROM shop.orders
  v =orders.doc; q =orders.doc; e ~orders.doc |
SELECT json_build_object('e', email) a, jsonb_build_array(name, 1) b FROM shop.users
  a =users.email; b =users.name |
SELECT json_object('k' VALUE email) b, json_array(name, id) c, json_objectagg(id VALUE email) d FROM shop.users GROUP BY email, name, id
  b =users.email; c =users.id =users.name; d =users.id =users.email |
SELECT row_number() OVER (PARTITION BY name ORDER BY email) n, rank() OVER (ORDER BY salary) r FROM shop.users
  n; r | users.email users.name users.salary
SELECT first_value(email) OVER w f, lag(phone) OVER (ORDER BY id) l FROM shop.users WINDOW w AS (PARTITION BY name)
  f =users.email; l =users.phone | users.id users.name
SELECT sum(salary) OVER (PARTITION BY name ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) s FROM shop.users
  s ~users.salary | users.name
SELECT DISTINCT ON (email) id FROM shop.users ORDER BY email, name
  id =users.id | users.email users.name
SELECT DISTINCT email FROM shop.users
  email =users.email |
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY salary) p, mode() WITHIN GROUP (ORDER BY name) m, percentile_cont(0.5) WITHIN GROUP (ORDER BY id) c FROM shop.users
  p =users.salary; m =users.name; c ~users.id |
SELECT name, count(*) n FROM shop.users GROUP BY name HAVING max(salary) > 10
  name =users.name; n | users.salary
SELECT upper(name) u, count(*) n FROM shop.users GROUP BY upper(name), phone
  u ~users.name; n | users.phone
SELECT name, id, grouping(name) g FROM shop.users GROUP BY GROUPING SETS ((name), (id), ())
  name =users.name; id =users.id; g |
SELECT count(*) n FROM shop.users
  n |
SELECT 1 AS one FROM shop.users
  one |
SELECT "a b" AS "Weird "" name", "X.Y" AS x, upper("Ünï") u, ":expr" ":resno" FROM "we.ird"."Sel""ect"
  "Weird "" name" ="we.ird"."Sel""ect"."a b"; x ="we.ird"."Sel""ect"."X.Y"; u ~"we.ird"."Sel""ect"."Ünï"; ":resno" ="we.ird"."Sel""ect".":expr" |
SELECT 1 AS ":expr", email AS ":resjunk", id AS "{(" FROM shop.users AS ":rtekind"
  ":expr"; ":resjunk" =users.email; "{(" =users.id |
SELECT email AS "select", name AS "from" FROM shop.users
  "select" =users.email; "from" =users.name |
SELECT s.email a, o.email b FROM shop.users s, other.users o WHERE s.id = o.id
  a =users.email; b =other.users.email | other.users.id users.id
SELECT users.email, users_1.email AS e2 FROM shop.users, other.users users_1
  email =users.email; e2 =other.users.email |
SELECT secret, region FROM shop.parts
  secret =parts.secret; region =parts.region |
SELECT p.secret FROM ONLY shop.parts_eu p
  secret =parts_eu.secret |
SELECT shop.mask(email) m, shop.one(id) o FROM shop.users
  m ~users.email =mask(text); o ~users.id =one(integer) |
SELECT p.email, p.salary FROM shop.people() p
  email =people().email; salary =people().salary |
SELECT p.a, p.b FROM shop.pairs() p
  a =pairs().a; b =pairs().b |
SELECT p.x, p.y FROM shop.anything() AS p(x text, y int)
  x =anything()#1; y =anything()#2 |
SELECT (shop.pairs()).a, (shop.people()).email
  a =pairs().a; email =people().email |
SELECT p::text FROM shop.people() p WHERE p.name = 'x'
  p =people() |
SELECT shop.lastof(email) l FROM shop.users
  l ~users.email =lastof(text) |
SELECT email OPERATOR(shop.<+>) name a, email OPERATOR(shop.<!>) name b FROM shop.users
  a =users.email =users.name; b ~users.email ~users.name =shout(text, text) |
SELECT id FROM shop.users WHERE shop.mask(phone) = 'x'
  id =users.id | mask(text) users.phone
SELECT key, contact FROM shop.contacts WHERE name = 'x'
  key =contacts.key; contact =contacts.contact | contacts.name
SELECT i::text FROM shop.contacts i
  i =contacts.* |
SELECT email || ' <' || name || '>' f, concat(email, name) c, format('%s', phone) p FROM shop.users
  f =users.email =users.name; c =users.email =users.name; p =users.phone |
SELECT email OPERATOR(pg_catalog.||) name x, tags || phone y, array_to_string(tags, ',') z FROM shop.users
  x =users.email =users.name; y =users.phone =users.tags; z =users.tags |
SELECT email = 'a' q, email IS NULL n, email ~ 'x' r, length(email) l FROM shop.users
  q ~users.email; n ~users.email; r ~users.email; l ~users.email |
SELECT -salary a, salary * 2 b, NOT (salary > 1) c, salary IS DISTINCT FROM 3 d, id = ANY (ARRAY[1, 2]) e FROM shop.users
  a ~users.salary; b ~users.salary; c ~users.salary; d ~users.salary; e ~users.id |
SELECT a.email FROM shop.users a TABLESAMPLE bernoulli (10) WHERE a.id = 3
  email =users.email | users.id
SELECT extract(year FROM born) y, born + 1 p, date_trunc('month', placed) d FROM shop.users, shop.orders
  y ~users.born; p ~users.born; d ~orders.placed |
SELECT date_trunc(name, placed) d FROM shop.users, shop.orders
  d ~users.name ~orders.placed |
SELECT (s.r).email e, (s.r).id i FROM (SELECT u AS r FROM shop.users u) s
  e =users.email; i =users.id | users.born users.home users.name users.phone users.salary users.tags
SELECT (s.r).f1 e FROM (SELECT ROW(u.email, u.id) r FROM shop.users u) s(r)
  e =users.email | users.id
SELECT trim(BOTH FROM email) t, overlay(email PLACING 'x' FROM 1) o, position('a' IN email) p, email COLLATE "C" c FROM shop.users
  t ~users.email; o ~users.email; p ~users.email; c =users.email |
SELECT placed AT TIME ZONE 'utc' t, total::int i, @ total a FROM shop.orders
  t ~orders.placed; i =orders.total; a ~orders.total |
SELECT email FROM shop.users ORDER BY salary LIMIT (SELECT count(*) FROM shop.orders WHERE total > 0)
  email =users.email | orders.total users.salary
SELECT email FROM shop.users ORDER BY name FETCH FIRST 3 ROWS WITH TIES
  email =users.email | users.name
SELECT e FROM (SELECT email AS e FROM (SELECT email FROM shop.users WHERE phone <> '') a UNION ALL SELECT contact FROM shop.contacts) b WHERE e <> ''
  e =users.email =contacts.contact | users.phone
SELECT (array_agg(email ORDER BY id))[1] first FROM shop.users
  first =users.email | users.id
SELECT u.tableoid::regclass t, u.ctid c FROM shop.users u
  t; c |
SELECT pg_relation_size('shop.users'::regclass) s
  s |
SELECT rolname, rolpassword FROM pg_catalog.pg_authid
  rolname =pg_catalog.pg_authid.rolname; rolpassword =pg_catalog.pg_authid.rolpassword |
SELECT email(u) e, name(u) n FROM shop.users u
  e =users.email; n =users.name |
SELECT last_value v FROM shop.numbers
  v =numbers.last_value |
SELECT current_user u, session_user s, now() n, nextval('shop.numbers') v
  u; s; n; v |
"""

# Of the text of a view less is known. These queries the parser may not understand,
UNREADABLE = (
    "json_table", "json_value", "json_object(", "ROWS FROM", "AS jj", "SEARCH DEPTH", "CYCLE id",
    "date_trunc(name", "@ total", "OPERATOR(shop", "regclass",
)  # fmt: skip
# and of these it makes more than there is: functions in FROM, fields of rows, casts of operators.
COARSER = (
    "WITH ORDINALITY", "unnest(u.tags, ARRAY", "grouping(", "people() p", "anything()",
    "(shop.pairs()).a", "(s.r).", "jsonb_to_record", "email(u)",
)  # fmt: skip


def parsed_cases() -> list[tuple[str, str]]:
    lines = [line.strip() for line in CASES.strip().splitlines()]
    return list(zip(lines[::2], lines[1::2], strict=True))


@pytest.fixture(scope="module")
def world(server) -> Iterable[tuple[psycopg.Connection[Any], LineageSource]]:
    address = server.create_database()
    with address.connect() as connection:
        connection.execute(SCHEMA)
        for number, (query, _) in enumerate(parsed_cases()):
            connection.execute(f"CREATE VIEW shop.case_{number} AS {query}")
            connection.execute(
                f"CREATE FUNCTION shop.as_text_{number}() RETURNS SETOF shop.case_{number}"
                f" LANGUAGE sql AS $body$ {query} $body$"
            )
            connection.execute(
                f"CREATE FUNCTION shop.as_tree_{number}() RETURNS SETOF shop.case_{number}"
                f" LANGUAGE sql BEGIN ATOMIC {query}; END"
            )
        yield connection, read_lineage_source(connection)
    server.drop_database(address.database)


@pytest.fixture(scope="module")
def source(world) -> LineageSource:
    return world[1]


@pytest.fixture(scope="module")
def lineage(source) -> Lineage:
    return Lineage(source)


@pytest.fixture(scope="module")
def by_text(source) -> Lineage:
    """The same, with nothing but the texts that pg_get_viewdef() gives."""
    return Lineage(replace(source, views={o: replace(v, tree="") for o, v in source.views.items()}))


def view(source: LineageSource, name: str) -> tuple[str, int, int]:
    return next(("pg_class", r.oid, 0) for r in source.relations.values() if r.name == name)


def function(source: LineageSource, name: str) -> tuple[str, int, int]:
    return next(("pg_proc", f.oid, 0) for f in source.functions.values() if f.name == name)


def shown(lineage: Lineage, source: LineageSource, exposures: Iterable[Exposure]) -> str:
    """Write exposures as the cases do."""
    exposures = list(exposures)
    words = []
    for exposure in exposures:
        kind, oid, _ = exposure.origin
        name = lineage.subject(exposure.origin)
        number = exposure.origin[2]
        if kind == "pg_proc" and number and not source.functions[oid].outputs:
            name += f"#{number}"
        if kind == "pg_class":
            relation = source.relations[oid]
            alike = {
                e.origin[2]
                for e in exposures
                if e.origin[:2] == (kind, oid) and e.how == exposure.how
            }
            if len(relation.columns) > 2 and alike == {n for n, _ in relation.columns}:
                name = f"{relation.subject}.*"
        words.append(("=" if exposure.how == COPIED else "~") + name.removeprefix("shop."))
    return "".join(f" {word}" for word in dict.fromkeys(words))


def rendered(lineage: Lineage, source: LineageSource, number: int, trace: Trace) -> str:
    columns = source.relations[view(source, f"case_{number}")[1]].columns
    outputs = "; ".join(
        quoted(name) + shown(lineage, source, trace.outputs[n]) for n, name in columns
    )
    conditions = sorted(lineage.subject(c).removeprefix("shop.") for c in trace.conditions)
    return f"{outputs} | {' '.join(conditions)}".strip()


def numbered() -> list[Any]:
    cases = enumerate(parsed_cases())
    return [pytest.param(i, q, e, id=re.sub(r"\W+", " ", q)[:60]) for i, (q, e) in cases]


@pytest.mark.parametrize(("number", "query", "expected"), numbered())
def test_a_view_by_the_rule_that_the_server_keeps(lineage, source, number, query, expected):
    trace = lineage.trace(view(source, f"case_{number}"))
    assert trace.reason is None
    assert rendered(lineage, source, number, trace) == expected


@pytest.mark.parametrize(("number", "query", "expected"), numbered())
def test_a_function_with_the_same_query_parsed_by_the_server(
    lineage, source, number, query, expected
):
    trace = lineage.trace(function(source, f"as_tree_{number}"))
    assert trace.reason is None
    assert rendered(lineage, source, number, trace) == expected


def covers(more: Trace, less: Trace) -> bool:
    """Say whether everything that one shows is in the other, and not weaker there."""
    for number, exposures in less.outputs.items():
        found = {e.origin: e.how for e in more.outputs[number]}
        whole = {o[:2] for o in found if o[0] == "pg_proc" and o[2] == 0}
        for exposure in exposures:
            how = found.get(exposure.origin)
            if exposure.origin[:2] in whole:
                continue
            if how is None or (exposure.how == COPIED and how != COPIED):
                return False
    return True


@pytest.mark.parametrize("way", ["definition", "body"])
@pytest.mark.parametrize(("number", "query", "expected"), numbered())
def test_the_text_alone_never_says_less(lineage, by_text, source, number, query, expected, way):
    exact = lineage.trace(view(source, f"case_{number}"))
    if way == "definition":
        trace = by_text.trace(view(source, f"case_{number}"))
    else:
        trace = by_text.trace(function(source, f"as_text_{number}"))
    if trace.reason is not None and any(word in query for word in UNREADABLE):
        return
    coarser = any(word in query for word in COARSER)
    if not coarser:
        assert trace.reason is None
        assert rendered(by_text, source, number, trace) == expected
    assert covers(trace, exact), rendered(by_text, source, number, trace)
