"""Which class a column is of: by configuration, by tag, by the dictionary of names."""

import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.config import load_config
from gatekeeper.config_data import BUILT_IN, ColumnGlob, DataClass, DataConfig
from gatekeeper.facts import sensitive_names
from gatekeeper.facts.sensitive_names import Entry, names, words_of
from gatekeeper.facts.sensitivity import (
    Classifier,
    Sensitivity,
    is_plaintext_secret,
    unmatched_globs,
)

_NOTHING = Sensitivity()
_RAW = yaml.safe_load(Path(sensitive_names.__file__).with_suffix(".yml").read_text("utf-8"))


def _data(folder: Path, text: str) -> DataConfig:
    (folder / "gatekeeper.yml").write_text(f"data:\n{text}", "utf-8")
    return load_config(None, folder).data


def _suggested(examples: str) -> list[tuple[str, str | None]]:
    """Give what is suggested for each example, such as `users.name citext` or `email`."""
    found = []
    for example in examples.split(","):
        name, _, base_type = example.strip().partition(" ")
        table, _, column = name.rpartition(".")
        args = ("public", table or "things", column, base_type or "text")
        found.append((example.strip(), Classifier(DataConfig()).classify(*args).what))
    return found


@pytest.mark.parametrize("entry", names().entries, ids=lambda entry: entry.what)
def test_an_entry_finds_its_examples_and_passes_over_its_false_friends(entry: Entry) -> None:
    assert [pair for pair in _suggested(entry.finds) if pair[1] != entry.what] == []
    assert [pair for pair in _suggested(entry.passes) if pair[1] is not None] == []


@pytest.mark.parametrize(
    ("column", "base_type"),
    [
        ("email_sent_at", "timestamp with time zone"), ("email_verified", "boolean"),
        ("token_count", "integer"), ("address_id", "bigint"), ("phone_type", "text"),
        ("is_email_public", "boolean"), ("name", "text"), ("password_reset_required", "boolean"),
        ("secret_santa", "text"), ("ip_count", "integer"), ("card_type", "text"),
        ("tokens_used", "integer"), ("max_tokens", "integer"), ("max_tokens", "text"),
        ("state", "text"), ("city_id", "uuid"), ("token_type", "text"), ("key", "text"),
        ("hash", "text"), ("file_hash", "bytea"), ("iban_country", "text"), ("user_id", "uuid"),
        ("id", "text"), ("", "text"), ("_", "text"), ("123", "text"),
    ],
)  # fmt: skip
def test_what_sounds_sensitive_and_is_not(column: str, base_type: str) -> None:
    assert Classifier(DataConfig()).classify("public", "things", column, base_type) == _NOTHING


def test_the_dictionary_uses_only_words_that_it_defines() -> None:
    keys = {"class", "what", "words", "types", "in", "after", "not_after", "whole", "not_in",
            "plaintext", "finds", "passes"}  # fmt: skip
    groups = set(_RAW["tables"])
    for raw, entry in zip(_RAW["entries"], names().entries, strict=True):
        assert set(raw) <= keys
        assert entry.class_name in BUILT_IN
        assert entry.only_in | entry.not_in <= groups
        assert entry.types <= {*_RAW["types"], "own"} - {"none"}
        assert all(entry.words)


def _first_home(entry: Entry) -> tuple[str, str, str]:
    """Give a table, the beginning of a name and a type with which an entry holds."""
    table = next((_RAW["tables"][g].split(",")[0] for g in sorted(entry.only_in)), "things")
    before = f"{min(entry.after)}_" if entry.after and not entry.only_in else ""
    base_type = _RAW["types"].get(min(entry.types), "an_enum").split(",")[0]
    return table.replace(" ", "_"), before, base_type


@pytest.mark.parametrize("entry", names().entries, ids=lambda entry: entry.what)
def test_no_words_of_an_entry_are_dead(entry: Entry) -> None:
    table, before, base_type = _first_home(entry)
    for words in entry.words:
        for column in (before + "_".join(words), before + words[0] + "".join(words[1:])):
            found = names().entry(table, column, base_type)
            assert found is not None, column
            assert found.class_name == entry.class_name, column


def test_the_types_are_spelt_as_the_server_spells_them(
    connection: psycopg.Connection[Any],
) -> None:
    listed = {name.strip() for types in _RAW["types"].values() for name in types.split(",")}
    of_extensions = {"geometry", "geography", "vector", "halfvec"}
    for extension in ("citext", "hstore", "ltree"):
        connection.execute(f"CREATE EXTENSION {extension}")
    for name in sorted(listed - of_extensions):
        row = connection.execute("SELECT format_type(%s::regtype, NULL)", (name,)).fetchone()
        assert row == (name,)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("user_email", "user email"), ("userEmail", "user email"), ("UserEMails", "user e mail"),
        ("userIPAddress", "user ip address"), ("addresses", "address"), ("address_2", "address"),
        ("Line items", "line item"), ("two-factor", "two factor"), ("ALLERGIES", "allergy"),
        ("oauth2_token", "oauth token"), ("ties", "tie"), ("status", "status"), ("größen", "größen"),
        ("__a__b__", "a b"), ("42", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_name_is_split_into_words_in_the_singular(name: str, words: str) -> None:
    assert " ".join(words_of(name)) == words


@pytest.mark.parametrize("base_type", ["public.geometry", "geometry", '"My types".geometry'])
def test_the_schema_of_a_type_does_not_matter(base_type: str) -> None:
    assert names().entry("trips", "position", base_type)


_ANY = st.text(max_size=20) | st.from_regex(r"[a-z]{1,8}(_[a-z]{1,8}){0,3}", fullmatch=True)


@settings(deadline=None, database=None)
@given(_ANY, _ANY, _ANY, st.sampled_from(["text", "text[]", "boolean", "x.y", "", "integer"]))
def test_any_names_can_be_classified(schema: str, table: str, column: str, base_type: str) -> None:
    found = Classifier(DataConfig()).classify(schema, table, column, base_type)
    assert (found.class_name is None) == (found.source is None)
    assert found.class_name is None or found.class_name in BUILT_IN


_CLASSES = """
  pii: {columns: ["public.people.*", "*.*.email"]}
  staff: {columns: ["*.employees.*", "*.*.badge", 'public."Order".email2']}
  public: {columns: ["public.people.id", "shops.email"]}
"""


@pytest.mark.parametrize(
    ("schema", "table", "column", "class_name"),
    [
        ("public", "people", "shoe_size", "pii"),
        ("public", "People", "Shoe_size", "pii"),
        ("public", "people", "id", None),
        ("sales", "orders", "email", "pii"),
        ("sales", "shops", "email", None),
        ("sales", "employees", "email", "pii"),  # written first
        ("sales", "employees", "note", "staff"),
        ("public", "Order", "email2", "staff"),
        ("public", "people", "badge", "pii"),
    ],
)
def test_the_configuration_says(
    tmp_path: Path, schema: str, table: str, column: str, class_name: str | None
) -> None:
    classifier = Classifier(_data(tmp_path, _CLASSES))
    for comment in (None, "@secret", "@public"):
        found = classifier.classify(schema, table, column, "text", comment, comment)
        assert found == Sensitivity(class_name, "config")


@pytest.mark.parametrize(
    ("column_comment", "table_comment", "expected"),
    [
        ("@pii", None, Sensitivity("pii", "tag")),
        ("Their number. @PII, see #3", None, Sensitivity("pii", "tag")),
        ("@staff", None, Sensitivity("staff", "tag")),  # configured
        ("@health", None, Sensitivity("health", "tag")),  # built in
        (None, "@secret", Sensitivity("secret", "tag")),  # for every column
        ("@no-fk", "@secret", Sensitivity("secret", "tag")),
        ("@pii", "@secret", Sensitivity("pii", "tag")),
        ("@public", "@secret", Sensitivity(None, "tag")),
        ("@secret", "@public", Sensitivity("secret", "tag")),
        ("@public @pii @secret", None, Sensitivity("pii", "tag")),
        ("@whatever", "@personal", _NOTHING),
        ("write to pii@public", "", _NOTHING),
        (None, None, _NOTHING),
    ],
)
def test_a_tag_says_where_the_configuration_does_not(
    tmp_path: Path, column_comment: str | None, table_comment: str | None, expected: Sensitivity
) -> None:
    classifier = Classifier(_data(tmp_path, _CLASSES))
    found = classifier.classify("a", "b", "c", "text", column_comment, table_comment)
    assert found == expected


def test_a_suggestion_can_be_silenced() -> None:
    def classify(data: DataConfig, comment: str | None = None) -> Sensitivity:
        return Classifier(data).classify("public", "shops", "phone", "text", comment)

    assert classify(DataConfig()) == Sensitivity("pii", "suggested", "a phone number")
    assert classify(DataConfig(), "@public the number of the shop") == Sensitivity(None, "tag")
    glob = ColumnGlob("public", "shops", "phone")
    listed = DataConfig((DataClass("public", (glob,)),))
    assert classify(listed) == Sensitivity(None, "config")
    assert classify(DataConfig(suggest=False)) == _NOTHING
    assert classify(DataConfig(suggest=False), "@pii") == Sensitivity("pii", "tag")


def test_the_dictionary_is_read_only_when_it_is_asked() -> None:
    names.cache_clear()
    glob = ColumnGlob("*", "*", "email")
    classifier = Classifier(DataConfig((DataClass("pii", (glob,)),), suggest=False))
    classifier.classify("public", "users", "email", "text")
    classifier.classify("public", "users", "phone", "text", "@pii")
    classifier.classify("public", "users", "phone", "text")
    assert names.cache_info().currsize == 0


@pytest.mark.parametrize(
    ("column", "base_type"),
    [
        ("password", "text"), ("password", "character varying"), ("userPassword", "citext"),
        ("api_key", "text"), ("reset_token", "character"), ("client_secret", "text"),
        ("private_key", "text"), ("token", "text"), ("tokens", "text[]"), ("old_password", "text"),
    ],
)  # fmt: skip
def test_a_secret_in_plain_text(column: str, base_type: str) -> None:
    assert is_plaintext_secret("users", column, base_type)


@pytest.mark.parametrize(
    ("column", "base_type"),
    [
        ("password_hash", "text"), ("hashed_password", "text"), ("token_digest", "text"),
        ("encrypted_password", "text"), ("api_key_ciphertext", "text"), ("token_sha256", "text"),
        ("api_key_fingerprint", "text"), ("api_key_last4", "text"), ("secret_encrypted", "text"),
        ("password", "bytea"), ("token", "uuid"), ("secrets", "jsonb"), ("password", "boolean"),
        ("email", "text"), ("push_token", "text"), ("max_tokens", "text"), ("public_key", "text"),
        ("otp_code", "text"), ("key", "text"), ("password_changed_at", "text"),
    ],
)  # fmt: skip
def test_no_secret_in_plain_text(column: str, base_type: str) -> None:
    assert not is_plaintext_secret("users", column, base_type)


def test_the_table_decides_whether_a_token_is_a_secret() -> None:
    assert is_plaintext_secret("sessions", "token", "text")
    assert not is_plaintext_secret("vocabulary", "token", "text")


def test_globs_that_match_nothing(tmp_path: Path) -> None:
    data = _data(tmp_path, _CLASSES)
    columns = [("public", "people", "name"), ("public", "Order", "email2"), ("s", "shops", "email")]
    assert [(str(glob), glob.line) for glob in unmatched_globs(data, columns)] == [
        ("*.employees.*", 4),
        ("*.*.badge", 4),
        ("public.people.id", 5),
    ]
    assert unmatched_globs(DataConfig(), columns) == []


def test_twelve_thousand_columns_take_no_time(tmp_path: Path) -> None:
    classifier = Classifier(_data(tmp_path, _CLASSES))
    columns = [
        (f"schema{n % 3}", f"table{n // 12}", f"{chr(97 + n % 26)}{n % 997}_{word}", "text")
        for n in range(12_000)
        for word in (("email", "note", "token", "address")[n % 4],)
    ]
    names()
    start = time.process_time()
    found = sum(classifier.classify(*column).class_name is not None for column in columns)
    assert time.process_time() - start < 0.3  # 0.03 on the machine where it was written
    assert found == 9_000
