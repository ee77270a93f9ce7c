"""Says which class of data a column is of, and how we know.

The configuration is asked first, then the tags in the comments of the column and of its table,
then the dictionary of names, which only suggests. The class `public` says that a column is not
sensitive: then it has no class, and nothing is suggested.

A class word in a comment counts when it is built in or configured; other tags are none of our
business. A tag of a table counts for each of its columns that has no tag of its own. The
configuration comes first because it is read from the base: a pull request can change a comment.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gatekeeper.config_data import (
    BUILT_IN,
    NOT_SENSITIVE,
    ColumnGlob,
    DataConfig,
    matcher,
)
from gatekeeper.facts.sensitive_names import names
from gatekeeper.facts.tags import tags_of


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The class of a column, or None; `source` says how we know.

    `source` is config, tag, suggested or None. No class from config or a tag means that somebody
    said so; no class without a source, that nobody said anything. `what` is what a suggestion took
    the column for: an e-mail address.
    """

    class_name: str | None = None
    source: str | None = None
    what: str | None = None


_UNKNOWN = Sensitivity()


class _Glob:
    """A glob on columns, ready to be asked, and what it says of them."""

    def __init__(self, glob: ColumnGlob, found: Sensitivity = _UNKNOWN) -> None:
        self._schema = matcher(glob.schema)
        self._table = matcher(glob.table)
        self._column = matcher(glob.column)
        self.found = found

    def has_table(self, schema_name: str, table_name: str) -> bool:
        """Say whether it is about columns of that table."""
        return bool(self._schema(schema_name) and self._table(table_name))

    def has_column(self, column_name: str) -> bool:
        """Say whether it is about columns of that name, in its tables."""
        return bool(self._column(column_name))


@dataclass(frozen=True, slots=True)
class _Known:
    """The globs that are about a table, the first to win first; what they say of its columns."""

    globs: tuple[_Glob, ...]
    columns: dict[str, Sensitivity | None]


class Classifier:
    """Knows one configuration; classifies any number of columns."""

    def __init__(self, data: DataConfig) -> None:
        self._suggest = data.suggest
        self._words = {NOT_SENSITIVE, *BUILT_IN, *(known.name for known in data.classes)}
        # False sorts before True: what the class public lists wins.
        classes = sorted(data.classes, key=lambda known: known.name != NOT_SENSITIVE)
        self._globs = [
            _Glob(glob, _said(known.name, "config")) for known in classes for glob in known.columns
        ]
        # Tables about which the same globs are share what was found out about names of columns.
        self._shared: dict[tuple[_Glob, ...], _Known] = {}
        self._known: dict[tuple[str, str], _Known] = {}

    def classify(
        self,
        schema_name: str,
        table_name: str,
        column_name: str,
        base_type: str,
        column_comment: str | None = None,
        table_comment: str | None = None,
    ) -> Sensitivity:
        """Give the class of one column. `base_type` is the type without length or precision."""
        configured = self._configured(schema_name, table_name, column_name)
        if configured is not None:
            return configured
        for comment in (column_comment, table_comment):
            if comment and (tag := self._tag(comment)):
                return _said(tag, "tag")
        if not self._suggest:
            return _UNKNOWN
        entry = names().entry(table_name, column_name, base_type)
        if entry is None:
            return _UNKNOWN
        return Sensitivity(entry.class_name, "suggested", entry.what)

    def _configured(
        self, schema_name: str, table_name: str, column_name: str
    ) -> Sensitivity | None:
        """Give what the first glob that matches says, or None."""
        table = (schema_name, table_name)
        known = self._known.get(table)
        if known is None:
            globs = tuple(glob for glob in self._globs if glob.has_table(*table))
            known = self._known[table] = self._shared.setdefault(globs, _Known(globs, {}))
        if column_name not in known.columns:
            found = (glob.found for glob in known.globs if glob.has_column(column_name))
            known.columns[column_name] = next(found, None)
        return known.columns[column_name]

    def _tag(self, comment: str) -> str | None:
        """Give the class that a comment names: the first; `public` only if there is no other."""
        found = [tag for tag in (tags_of(comment) or "").split() if tag in self._words]
        return min(found, key=lambda tag: tag == NOT_SENSITIVE, default=None)


def is_plaintext_secret(table_name: str, column_name: str, base_type: str) -> bool:
    """Say whether a column seems to hold a password, token or key as text that anyone can read.

    It does not if its name says so: token_hash, encrypted_password, api_key_fingerprint.
    """
    entry = names().entry(table_name, column_name, base_type)
    return entry is not None and entry.plaintext and names().is_plain(column_name, base_type)


def unmatched_globs(data: DataConfig, columns: Iterable[tuple[str, str, str]]) -> list[ColumnGlob]:
    """Give the globs that match none of the columns (schema, table, column): typing errors.

    What a misspelt glob was to protect is unprotected, and nothing else would say so.
    """
    tables: dict[tuple[str, str], list[str]] = {}
    for schema_name, table_name, column_name in columns:
        tables.setdefault((schema_name, table_name), []).append(column_name)
    return [glob for known in data.classes for glob in known.columns if not _matches(glob, tables)]


def _matches(glob: ColumnGlob, tables: dict[tuple[str, str], list[str]]) -> bool:
    compiled = _Glob(glob)
    return any(
        compiled.has_table(*table) and any(map(compiled.has_column, columns))
        for table, columns in tables.items()
    )


def _said(class_name: str, source: str) -> Sensitivity:
    return Sensitivity(None if class_name == NOT_SENSITIVE else class_name, source)
