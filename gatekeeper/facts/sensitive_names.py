"""The dictionary of sensitive_names.yml: what the name and type of a column suggest."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path

import yaml

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML was built without libyaml
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

_FILE = Path(__file__).with_name("sensitive_names.yml")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BETWEEN = re.compile(r"[\W\d_]+")
_DEFAULT_TYPES = "text json binary"
_PEOPLE = frozenset(("people", "movement"))  # groups of tables whose rows are about persons
_OWN = "own"  # types that the file does not list: enums, composite types

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One kind of sensitive data; see the head of the file for what the fields mean."""

    class_name: str
    what: str
    words: tuple[Words, ...]
    types: frozenset[str]
    only_in: frozenset[str]  # groups of tables, as not_in
    after: frozenset[str]
    not_after: frozenset[str]
    not_in: frozenset[str]
    whole: bool
    plaintext: bool
    finds: str = field(compare=False)
    passes: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class _Table:
    """Groups that the name of a table is of, by its last words and by any of its words."""

    ends: frozenset[str]
    has: frozenset[str]


class Names:
    """The dictionary, with what it found out about names so far."""

    def __init__(self, text: str) -> None:
        raw = yaml.load(text, _Loader)
        self.entries = tuple(_entry(entry) for entry in raw["entries"])
        self._groups: dict[str, str] = {}
        for group, types in raw["types"].items():
            self._groups |= dict.fromkeys(_list(types), group)
        self._tables: dict[Words, set[str]] = {}
        for group, phrases in raw["tables"].items():
            for phrase in _list(phrases):
                self._tables.setdefault(words_of(phrase), set()).add(group)
        self._table_endings = _word_set(raw["table_endings"])
        self._endings = _word_set(raw["endings"])
        self._never_after = _word_set(raw["never_after"])
        self._protected = _word_set(raw["protected"])
        self._by_words: dict[Words, list[Entry]] = {}
        for entry in self.entries:
            for words in entry.words:
                for known in {words, ("".join(words),)}:
                    self._by_words.setdefault(known, []).append(entry)
        self._longest = max(len(words) for words in self._by_words)
        self._known_columns: dict[tuple[str, str], list[tuple[Entry, bool]]] = {}
        self._known_tables: dict[str, _Table] = {}

    def entry(self, table_name: str, column_name: str, base_type: str) -> Entry | None:
        """Give the entry that a column seems to be of, or None."""
        key = (column_name, base_type)
        candidates = self._known_columns.get(key)
        if candidates is None:
            candidates = self._known_columns[key] = self._candidates(column_name, base_type)
        if not candidates:
            return None
        table = self._known_tables.get(table_name)
        if table is None:
            table = self._known_tables[table_name] = self._table(table_name)
        for entry, at_home in candidates:
            if (at_home or entry.only_in & table.ends) and not entry.not_in & table.has:
                return entry
        return None

    def is_plain(self, column_name: str, base_type: str) -> bool:
        """Say whether a column keeps its value as text that anyone can read."""
        if self._group(base_type) != "text":
            return False
        return self._protected.isdisjoint(words_of(column_name))

    def _candidates(self, name: str, base_type: str) -> list[tuple[Entry, bool]]:
        """Give entries that fit name and type, the longest match first.

        With each goes whether it holds in every table, not only in those that it names.
        """
        group = self._group(base_type)
        words = words_of(name)
        found: list[tuple[Entry, bool]] = []
        while words:
            for start in range(max(0, len(words) - self._longest), len(words)):
                before = words[:start]
                for entry in self._by_words.get(words[start:], ()):
                    if group in entry.types and self._may_follow(entry, before):
                        everywhere = not entry.only_in and not entry.after
                        free = everywhere or not entry.after.isdisjoint(before[-1:])
                        found.append((entry, free))
            if found or words[-1] not in self._endings:
                break
            words = words[:-1]
        return found

    def _may_follow(self, entry: Entry, before: Words) -> bool:
        """Say whether the words of an entry still mean it with the words `before` them."""
        if not before:
            return True
        return not entry.whole and entry.not_after.union(self._never_after).isdisjoint(before)

    def _group(self, base_type: str) -> str:
        name = base_type.removesuffix("[]")
        return self._groups.get(name) or self._groups.get(name.rpartition(".")[2], _OWN)

    def _table(self, name: str) -> _Table:
        words = words_of(name)
        while len(words) > 1 and words[-1] in self._table_endings:
            words = words[:-1]
        ends: set[str] = set()
        has: set[str] = set()
        for start in range(len(words)):
            ends |= self._tables.get(words[start:], set())
            for end in range(start + 1, len(words) + 1):
                has |= self._tables.get(words[start:end], set())
        if ends & _PEOPLE:
            has.clear()
        return _Table(frozenset(ends), frozenset(has))


@cache
def names() -> Names:
    """Give the dictionary; it is read when first asked for."""
    return Names(_FILE.read_text("utf-8"))


def words_of(name: str) -> Words:
    """Split user_emails, userEmails or "User emails 2" into words in the singular: user, email."""
    if not name.islower():
        name = _CAMEL.sub("_", name).lower()
    return tuple(_singular(word) for word in _BETWEEN.split(name) if word)


@lru_cache(maxsize=10_000)
def _singular(word: str) -> str:
    """Give one form for both numbers; it need not be a word, only the same for both."""
    if word.endswith("ies") and len(word) > 4:  # noqa: PLR2004 -- series, but not ties
        return word[:-3] + "y"
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _entry(raw: dict[str, str]) -> Entry:
    return Entry(
        class_name=raw["class"],
        what=raw["what"],
        words=tuple(dict.fromkeys(words_of(phrase) for phrase in _list(raw["words"]))),
        types=frozenset(raw.get("types", _DEFAULT_TYPES).split()),
        only_in=frozenset(raw.get("in", "").split()),
        after=_word_set(raw.get("after", "")),
        not_after=_word_set(raw.get("not_after", "")),
        not_in=frozenset(raw.get("not_in", "").split()),
        whole=bool(raw.get("whole")),
        plaintext=bool(raw.get("plaintext")),
        finds=raw["finds"],
        passes=raw["passes"],
    )


def _list(text: str) -> Iterable[str]:
    return (part.strip() for part in text.split(","))


def _word_set(text: str) -> frozenset[str]:
    return frozenset(word for phrase in _list(text) for word in words_of(phrase))
