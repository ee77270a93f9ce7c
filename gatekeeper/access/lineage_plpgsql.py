"""Traces PL/pgSQL: follows values through variables into what a function returns.

The order of statements does not matter here: a variable holds whatever is ever put into it. What a
branch or loop depends on has a part in every result. SQL that is put together at run time, and any
statement that is not understood, makes the whole function untraceable.
"""

from itertools import pairwise

from gatekeeper.access.lineage_body import BUILT_AT_RUN_TIME, Body, behind_target, targets
from gatekeeper.access.lineage_names import Names, SearchPath
from gatekeeper.access.lineage_scope import Rows
from gatekeeper.access.lineage_text import TextReader
from gatekeeper.access.lineage_traced import Sources, Traced, UnreadableError, merge, union
from gatekeeper.access.lineage_words import Word, words_of
from gatekeeper.model.lineage import DERIVED, FunctionCode

_QUERIES = {"select", "with", "values", "insert", "update", "delete", "merge", "("}
_WITHOUT_DATA = {
    "alter", "analyze", "close", "comment", "commit", "drop", "get", "grant", "listen", "lock",
    "notify", "null", "refresh", "reset", "revoke", "rollback", "set", "truncate", "unlisten",
}  # fmt: skip
_ALWAYS_THERE = ("found", "sqlstate", "sqlerrm")


def trace_plpgsql(code: FunctionCode, names: Names, path: SearchPath) -> Traced:
    """Trace a function; its outputs are those that FunctionCode names, or one.

    Raises UnreadableError with the reason when it cannot be traced.
    """
    try:
        return _settled(code, names, path)
    except (LookupError, ValueError) as error:
        raise UnreadableError("it has a statement without an end") from error


def _settled(code: FunctionCode, names: Names, path: SearchPath) -> Traced:
    """Read the body again and again until variables hold no more than before."""
    variables: dict[str, Sources] = {n: {} for n in (*code.parameters, *_ALWAYS_THERE)}
    words = words_of(code.body)
    while True:
        before = {name: dict(sources) for name, sources in variables.items()}
        whole = union(sources for name, sources in variables.items() if name != code.name)
        variables[code.name] = whole  # function.parameter
        body = _Function(code.body, words, TextReader(names, path, variables), variables)
        body.read()
        if variables == before:
            return body.messages() if code.returns == "void" else body.traced(code)


class _Function(Body):
    def __init__(
        self, text: str, words: list[Word], reader: TextReader, variables: dict[str, Sources]
    ) -> None:
        super().__init__(text, words, reader, variables)
        self._blocks: list[str] = []
        self._returned: list[Rows] = []  # by RETURN QUERY
        self._everywhere: Sources = {}  # has a part in every output
        self._raised: Sources = {}

    def read(self) -> None:
        while self.at < len(self.words):
            self._one()

    def messages(self) -> Traced:
        """Give what a function that returns nothing can say."""
        return self.reader.traced(Rows([("", self._raised)]))

    def traced(self, code: FunctionCode) -> Traced:
        """Give what comes out; of outputs that nobody counts there is one."""
        names = [name for _, name in code.outputs] or [""]
        outputs: list[Sources] = []
        for index, name in enumerate(names):
            given = [self._everywhere, self._raised]
            for rows in self._returned:
                fits = not rows.is_open and len(rows.columns) == len(names)
                given.append(rows.columns[index][1] if fits else rows.whole())
            if name in code.parameters:
                given.append(self.variables[name])
            outputs.append(union(given))
        return self.reader.traced(Rows([("", sources) for sources in outputs]))

    def _one(self) -> None:
        """Read one statement, or the beginning or end of one that holds others."""
        word = self.here()
        behind = behind_target(self.words, self.at)
        if behind < len(self.words) and self.words[behind].text in (":=", "="):
            self._assignment(behind)
        elif word == "<<":
            self.declare(self.words[self.at + 1].text)  # a label, as in label.variable
            self.until(">>")
        elif word == "#":
            self.at += 3  # #variable_conflict use_column
        elif word in (";", "else"):
            self.at += 1
        elif word in _QUERIES:
            self.query(self.statement())
        elif word in _WITHOUT_DATA:
            self.statement()
        elif not (self._block(word) or self._simple(word)):
            raise UnreadableError(f"it has a statement that is not understood: {word[:30]} …")

    def _block(self, word: str) -> bool:
        """Read what begins or ends a block; False if that is not what comes next."""
        self.at += 1
        match word:
            case "begin" | "loop":
                self._blocks.append(word)
            case "exception":
                self._blocks[-1:] = [word]
            case "end":
                del self._blocks[-1:]
                while self.here() not in (";", ""):
                    self.at += 1
            case "declare":
                while self.here() != "begin":
                    self._declaration(self.statement())
            case "if":
                self._blocks.append(word)
                self._decided_by(self.until("then"))
            case "elsif" | "elseif":
                self._decided_by(self.until("then"))
            case "case":
                self._blocks.append(word)
                self._decided_by(self.until("when"))
                self.at -= 1
            case "when":
                words = self.until("then")
                if self._blocks[-1:] != ["exception"]:
                    self._decided_by(words)
            case "while":
                self._blocks.append(word)
                self._decided_by(self.until("loop"))
            case "for" | "foreach":
                self._blocks.append(word)
                self._for(self.until("loop"))
            case _:
                self.at -= 1
                return False
        return True

    def _simple(self, word: str) -> bool:
        """Read a statement without others in it; False if that is not what comes next."""
        words = self.statement()
        rest = words[1:]
        match word:
            case "return":
                self._return(rest)
            case "perform":
                self.value(rest)
            case "call":
                given = self.value(rest)
                for name in {w.text for w in rest} & set(self.variables):
                    merge(self.variables[name], given)  # an INOUT parameter, perhaps
            case "exit" | "continue":
                start = next((i for i, w in enumerate(rest) if w.text == "when"), len(rest))
                self._decided_by(rest[start + 1 :])
            case "assert":
                self._decided_by(rest)
            case "raise":
                self._raise(rest)
            case "open":
                self._open(rest)
            case "fetch" | "move":
                into = next((i for i, w in enumerate(rest) if w.text == "into"), len(rest))
                held = self.variable(rest[into - 1].text)
                self.assign(targets(rest, into + 1)[0], Rows([], held, None, is_open=True))
            case "execute":
                raise UnreadableError(BUILT_AT_RUN_TIME)
            case _:
                return False
        return True

    def _decided_by(self, words: list[Word]) -> None:
        merge(self._everywhere, self.value(words), DERIVED)

    def _assignment(self, behind: int) -> None:
        name = self.here()
        if any(word.text == "select" for word in self.words[self.at : behind]):
            raise UnreadableError("it has a query in a subscript that it assigns to")
        self.at = behind + 1
        self.assign([name], self.rows("SELECT " + self.written(self.statement())))

    def _declaration(self, words: list[Word]) -> None:
        texts = [word.text for word in words]
        name = texts[0]
        self.declare(name)
        if "cursor" in texts[1:4]:
            start = min(texts.index(text) for text in ("for", "is") if text in texts)
            for before, parameter in pairwise(texts[:start]):
                if before in ("(", ","):
                    self.declare(parameter)
            merge(self.variable(name), self.query(words[start + 1 :]).whole())
        elif texts[1:3] == ["alias", "for"]:
            self.variables[name] = self.variables.get(texts[3], {})  # one variable, two names
        else:
            given = (i for i, text in enumerate(texts) if text in (":=", "=", "default"))
            merge(self.variable(name), self.value(words[next(given, len(words)) + 1 :]))

    def _for(self, words: list[Word]) -> None:
        """Read the head of a loop: over numbers, an array, a cursor or a query."""
        names, at = targets(words, 0)
        for name in names:
            self.declare(name)
        while words[at].text in ("in", "reverse", "array", "slice") or words[at].kind == "number":
            if words[at].kind == "number" and words[at - 1].text != "slice":
                break
            at += 1
        over = words[at:]
        dots = [i for i, word in enumerate(over) if word.text == ".."]
        if dots:
            by = next((i for i, word in enumerate(over) if word.text == "by"), len(over))
            parts = over[: dots[0]], over[dots[0] + 1 : by], over[by + 1 :]
            self.assign(names, Rows([], union(map(self.value, parts)), None, is_open=True))
        elif over[0].text in _QUERIES | {"execute"}:
            self.assign(names, self.query(over))
        else:
            self.assign(names, Rows([], self.value(over), None, is_open=True))

    def _return(self, words: list[Word]) -> None:
        if words[:1] and words[0].text == "query":
            self._returned.append(self.query(words[1:]))
        elif words[:1] and words[0].text == "next":
            merge(self._everywhere, self.value(words[1:]))
        else:
            merge(self._everywhere, self.value(words))

    def _raise(self, words: list[Word]) -> None:
        """Read what goes into a message: whoever calls the function sees it."""
        parts: list[list[Word]] = [[]]
        depth = 0
        for word in words:
            depth += {"(": 1, ")": -1}.get(word.text, 0)
            if depth == 0 and (word.text == "," or word[:2] == ("name", "using")):
                parts.append([])
            else:
                parts[-1].append(word)
        for part in parts[1:]:
            is_option = len(part) > 1 and part[1].text in ("=", ":=")
            merge(self._raised, self.value(part[2:] if is_option else part))

    def _open(self, words: list[Word]) -> None:
        start = next((i for i, word in enumerate(words) if word.text == "for"), None)
        if start is None:
            self.value([word for word in words[1:] if word.text])
        else:
            merge(self.variable(words[0].text), self.query(words[start + 1 :]).whole())
