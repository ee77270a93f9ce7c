"""gatekeeper policy new, and house policies of each kind in a project."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from gatekeeper.facts.vocabulary import TABLES
from tests.conftest import Project, Run

_KINDS = (*TABLES, "query", "catalog_query")


def test_what_is_started_works_for_every_kind(gatekeeper: Run, tmp_path: Path) -> None:
    for kind in _KINDS:
        made = gatekeeper("policy", "new", f"on-{kind.replace('_', '-')}", "--for", kind)
        assert made.returncode == 0, made.stderr
    tested = gatekeeper("policy", "test", "policies")
    assert tested.stdout.splitlines() == [
        f"{len(_KINDS)} policies, {2 * len(_KINDS)} examples, 0 failed"
    ]
    pack = tmp_path / "policies" / "house.yml"
    assert pack.read_text("utf-8").startswith("# yaml-language-server: $schema=")
    schema = pack.with_name(pack.read_text("utf-8").splitlines()[0].partition("=")[2])
    Draft202012Validator.check_schema(json.loads(schema.read_text("utf-8")))


def test_it_says_where_it_is_and_what_comes_next(gatekeeper: Run, tmp_path: Path) -> None:
    made = gatekeeper("policy", "new", "wide", "--for", "tables")
    where, *steps = made.stdout.splitlines()
    assert where == "policies/house.yml:4: wide"
    assert "gatekeeper policy test policies/house.yml" in steps[0]
    assert "packs: [recommended, policies/house.yml]" in steps[1]
    (tmp_path / "gatekeeper.yml").write_text("packs: [recommended, policies]", "utf-8")
    again = gatekeeper("policy", "new", "other")
    assert len(again.stdout.splitlines()) == 2
    assert "other" in gatekeeper("policy", "list").stdout


def test_a_pack_of_another_indentation_is_continued(gatekeeper: Run, tmp_path: Path) -> None:
    pack = tmp_path / "mine.yml"
    assert gatekeeper("policy", "new", "first", "--file", "mine.yml").returncode == 0
    unindented = "\n".join(
        line.removeprefix("  ") if line.startswith("  ") else line
        for line in pack.read_text("utf-8").splitlines()
    )
    pack.write_text(unindented, "utf-8")
    assert gatekeeper("policy", "new", "second", "--file", "mine.yml").returncode == 0
    tested = gatekeeper("policy", "test", "mine.yml")
    assert "2 policies, 4 examples, 0 failed" in tested.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Not_An_Id",), "'Not_An_Id' is no id"),
        (("x", "--for", "colums"), "there is no fact table 'colums'; did you mean columns?"),
        (("column-dropped",), "there is a policy 'column-dropped' already"),
        (("x", "--file", "gatekeeper.yml"), "a pack that ends with its list of policies"),
    ],
)
def test_a_mistake_writes_nothing(
    gatekeeper: Run, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "gatekeeper.yml").write_text("policies: {}\npacks: recommended\n", "utf-8")
    made = gatekeeper("policy", "new", *arguments)
    assert made.returncode == 2
    assert message in made.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["gatekeeper.yml"]


_HOUSE = """\
policies:
  - id: house-condition
    title: T
    severity: error
    for: columns
    where: change = 'added'
    forbid: base_type = 'money'
    message: "{{ column }}"
    why: W
  - id: house-query
    title: T
    severity: error
    query: select table_subject as subject, file, line from columns where change = 'added'
    message: "{{ subject }}"
    why: W
  - id: house-catalog-query
    title: T
    severity: error
    catalog_query: select c.relname as subject from pg_class c where c.relkind = 'S'
    message: "{{ subject }}"
    why: W
"""


def _project(project: Project, pack: str) -> Project:
    project.write("gatekeeper.yml", "packs: [house.yml]")
    project.write("house.yml", pack)
    project.revision("one", "op.execute('CREATE TABLE prices (id int)')")
    project.commit()
    project.branch()
    project.revision("two", "op.execute('ALTER TABLE prices ADD price money, ADD n serial')")
    project.commit()
    return project


def test_a_house_policy_of_each_kind_judges(project: Project, gatekeeper: Run) -> None:
    _project(project, _HOUSE)
    checked = gatekeeper("check", "--format", "json", cwd=project.root)
    findings = json.loads(checked.stdout)["findings"]
    line = "migrations/versions/two.py"
    assert {(f["policy"], f["subject"], f["file"]) for f in findings} == {
        ("house-condition", "public.prices.price", line),
        ("house-query", "public.prices", line),
        ("house-catalog-query", "prices_n_seq", None),
    }
    assert checked.returncode == 1


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        (
            "forbid: base_type",
            "forbid: base_typ",
            "7: columns has no column 'base_typ'; did you me",
        ),
        ("'money'", "money", "7: columns has no column 'money'"),
        (
            "from columns",
            "from colums",
            "13: there is no fact table 'colums'; did you mean columns?",
        ),
        ("table_subject as", "table_subjct as", "table_subjct; did you mean table_subject?"),
        ("pg_class", "pg_clas", "19: there is no system catalog 'pg_clas'; did you mean pg_class?"),
        ("c.relkind", "c.relkin", "19: c has no column 'relkin'; did you mean relkind?"),
        ("{{ column }}", "{{ colum }}", "uses 'colum', which no row has; did you mean column?"),
        ("forbid:", "forbids:", "unknown key 'forbids'; did you mean forbid?"),
        ("severity: error", "severity: eror", "'eror' is no severity; did you mean error"),
    ],
)
def test_a_typo_is_refused_before_anything_runs(
    project: Project, gatekeeper: Run, right: str, wrong: str, message: str
) -> None:
    _project(project, _HOUSE.replace(right, wrong, 1))
    checked = gatekeeper("check", cwd=project.root)
    assert checked.returncode == 2
    assert message in checked.stderr
    assert "house.yml:" in checked.stderr
