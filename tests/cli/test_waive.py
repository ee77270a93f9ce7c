"""gatekeeper waive: an entry in gatekeeper.yml, and not a byte of the rest."""

import json

import pytest

REASON = ("--because", "the parent lives in another database, see #412")
CONFIG = """\
# what we are judged by
packs:      [recommended]     # presets
policies:   {column-dropped: warning,
             table-dropped: {approvers: [ann, acme/dba]}}

waivers:   # each with its reason
  - policy: missing-primary-key
    subject: public.log      # the old one
    because: >-
      rows are only ever
      appended

# the end
stats: gatekeeper-stats.json
"""


@pytest.fixture
def waive(tmp_path, gatekeeper):
    def run(*arguments, config=CONFIG, **options):
        if config is not None:
            (tmp_path / "gatekeeper.yml").write_bytes(config.encode())
        return gatekeeper("waive", *arguments, **options)

    return run


@pytest.fixture
def written(tmp_path):
    return lambda: (tmp_path / "gatekeeper.yml").read_bytes().decode()


def test_an_entry_is_added_and_nothing_else_moves(waive, written, tmp_path, gatekeeper):
    done = waive(
        "missing-foreign-key", "public.orders.legacy_id", *REASON, "--until", "2999-03-01",
        "--owner", "data-platform",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(
        "gatekeeper.yml:12: missing-foreign-key is waived for public.orders.legacy_id until"
        " 2999-03-01.\n"
    )
    new = (
        "  - policy: missing-foreign-key\n    subject: public.orders.legacy_id\n"
        '    because: "the parent lives in another database, see #412"\n'
        "    until: 2999-03-01\n    owner: data-platform\n"
    )
    assert written() == CONFIG.replace("      appended\n", "      appended\n" + new)
    (tmp_path / "gatekeeper-stats.json").write_text(
        '{"version": 1, "taken": "2026-08-24", "server_version": "18.0", "tables": {}}'
    )
    (tmp_path / "now.sql").write_text(
        "CREATE TABLE legacys (id bigint PRIMARY KEY);"
        "CREATE TABLE orders (id bigint PRIMARY KEY, legacy_id bigint);"
    )
    done = gatekeeper("audit", "--schema", "now.sql")
    said = " ".join(done.stdout.split())
    assert "see #412 (data-platform, until 2999-03-01; gatekeeper.yml:12)" in said


def test_one_after_the_other(waive, written):
    waive("missing-foreign-key", "public.a.b_id", *REASON)
    done = waive("missing-foreign-key", "public.*.legacy_id", *REASON, config=None)
    assert done.returncode == 0
    assert done.stdout.startswith("gatekeeper.yml:15: ")
    assert written().count("policy: ") == 3


def test_a_file_is_made_where_there_is_none(waive, written, tmp_path, gatekeeper):
    done = waive("missing-primary-key", "public.log", *REASON, config=None)
    assert done.returncode == 0
    assert written() == (
        "# yaml-language-server: $schema=.gatekeeper.schema.json\n\nwaivers:\n"
        "  - policy: missing-primary-key\n    subject: public.log\n"
        '    because: "the parent lives in another database, see #412"\n'
    )
    schema = json.loads((tmp_path / ".gatekeeper.schema.json").read_text("utf-8"))
    assert "waivers" in schema["properties"]


def test_the_file_above_is_the_one(waive, written, tmp_path):
    (tmp_path / "deep").mkdir()
    done = waive("missing-primary-key", "public.m", *REASON, cwd=tmp_path / "deep")
    assert done.returncode == 0
    assert "subject: public.m\n" in written()
    assert list((tmp_path / "deep").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("missing-primary-keys", "t", *REASON), "did you mean missing-primary-key?"),
        (("table-dropped", "public.t", *REASON), "approving review of ann, acme/dba"),
        (
            ("table-dropped", "public.t", *REASON),
            "gatekeeper: allow table-dropped public.t because",
        ),
        (("missing-column", "public.t", *REASON), "missing-column is off here"),
        (("column-dropped", "public.t.a", "--because", "TODO"), "'TODO' is no reason"),
        (("column-dropped", "public.t.a", "--because", " "), "the reason is empty"),
        (("column-dropped", " ", *REASON), "the subject is empty"),
        (("column-dropped", "a", *REASON, "--owner", ""), "the owner is empty"),
        (("column-dropped", "a", *REASON, "--until", "soon"), "'soon' is no day"),
        (("column-dropped", "a", *REASON, "--until", "20270301"), "Write it as 2027-03-01"),
        (("column-dropped", "a", *REASON, "--until", "2001-01-01"), "2001-01-01 is over"),
        (
            ("missing-primary-key", "public.log", *REASON),
            "gatekeeper.yml:7: missing-primary-key is waived for public.log already: rows are only",
        ),
    ],
)
def test_what_is_refused_leaves_the_file_alone(waive, written, arguments, said):
    done = waive(*arguments)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert written() == CONFIG


@pytest.mark.parametrize("until", [(), ("--until", "2999-03-01")])
def test_one_that_would_last_too_long(waive, written, until):
    config = CONFIG + "waiver_days: 180\n"
    done = waive("column-dropped", "public.t.a", *REASON, *until, config=config)
    assert done.returncode == 2
    assert "the waiver would not count: it" in done.stderr
    assert "waiver_days of gatekeeper.yml lets it last until 2" in done.stderr
    assert "Give --until that day, or an earlier one." in done.stderr
    assert written() == config


def test_a_file_that_cannot_take_a_line(waive, written):
    done = waive("column-dropped", "public.t.a", *REASON, config="{packs: [recommended]}\n")
    assert done.returncode == 2
    assert "gatekeeper.yml: nothing was written, because it is written in braces" in done.stderr
    assert "Write it yourself:\nwaivers:\n  - policy: column-dropped\n" in done.stderr
    assert written() == "{packs: [recommended]}\n"


def test_a_file_with_a_mistake_is_not_touched(waive, written):
    done = waive("column-dropped", "public.t.a", *REASON, config="pakcs: [recommended]\n")
    assert done.returncode == 2
    assert "gatekeeper.yml:1: unknown key 'pakcs'; did you mean packs?" in done.stderr
    assert written() == "pakcs: [recommended]\n"
