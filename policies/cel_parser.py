"""The grammar of expressions: text to tokens to a small tree.

Parsing here, before the CEL engine sees anything, is what makes the subset exact: whatever has no rule
below (unsigned and byte literals, type names, messages, comments, macros) does not exist. The tree also
says which paths an expression reads, so that only those are ever bound.

    expr     = or [ "?" or ":" expr ]
    or       = and { "||" and }                 and  = relation { "&&" relation }
    relation = sum { ("<" | "<=" | ">" | ">=" | "==" | "!=" | "in") sum }
    sum      = product { ("+" | "-") product }  product = unary { ("*" | "/" | "%") unary }
    unary    = { "!" | "-" } member
    member   = primary { "." name [ "(" args ")" ] | "[" expr "]" }
    primary  = literal | name [ "(" args ")" ] | "(" expr ")" | "[" items "]" | "{" entries "}"
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, cast

from policies.cel_lexer import END, MAX_LENGTH, Token, tokens_of
from policies.cel_tree import (
    LEVELS,
    Call,
    Chain,
    Choice,
    Entries,
    Group,
    Has,
    Index,
    Items,
    Literal,
    Path,
    Select,
    Tree,
    Unary,
)
from policies.cel_values import INT_MAX
from policies.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_NESTING: Final = 32

KEYWORDS: Final = frozenset({"in", "true", "false", "null"})
RESERVED: Final = KEYWORDS | {
    *("as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package"),
    *("namespace", "return", "var", "void", "while"),
}
FUNCTIONS: Final = {"size": 1, "json": 1, "get": 3, "count": 3, "join": 2}
CONSTANTS: Final = {"true": True, "false": False, "null": None}
METHODS: Final = {"size": 0, "startsWith": 1, "endsWith": 1, "contains": 1}


def parse(text: str) -> Tree:
    """The tree of an expression; `ExpressionError` says what is wrong and at which character."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"the expression has {len(text)} characters: at most {MAX_LENGTH} are allowed")
    return _Parser(tokens_of(text)).whole()


class _Parser:
    """Recursive descent over the tokens; `depth` bounds the recursion."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else END

    def _take(self, *texts: str) -> str | None:
        token = self._next
        if token.kind in ("sign", "name") and token.text in texts:
            self._at += 1
            return token.text
        return None

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise ExpressionError(f"`{text}` is missing before {self._here()}")

    def _here(self) -> str:
        token = self._next
        return "the end" if token is END else f"`{token.text[:40]}` at character {token.at + 1}"

    def _enter(self, levels: int = 1) -> None:
        self._depth += levels
        if self._depth > MAX_NESTING:
            raise ExpressionError(f"the expression is nested more than {MAX_NESTING} deep")

    def whole(self) -> Tree:
        """The expression that all tokens make."""
        tree = self._expression()
        if self._next is not END:
            raise ExpressionError(f"{self._here()} does not belong there")
        return tree

    def _expression(self) -> Tree:
        self._enter()
        tree = self._chain(0)
        if self._take("?"):
            yes = self._chain(0)
            self._need(":")
            tree = Choice(tree, yes, self._expression())
        self._depth -= 1
        return tree

    def _chain(self, level: int) -> Tree:
        if level == len(LEVELS):
            return self._unary()
        operands, signs = [self._chain(level + 1)], []
        while sign := self._take(*LEVELS[level]):
            signs.append(sign)
            operands.append(self._chain(level + 1))
        return Chain(level, tuple(operands), tuple(signs)) if signs else operands[0]

    def _unary(self) -> Tree:
        signs = ""
        while sign := self._take("!", "-"):
            signs += sign
            self._enter()
        tree = self._member()
        self._depth -= len(signs)
        if signs.endswith("-") and isinstance(tree, Literal) and type(tree.value) in (int, float):
            signs, tree = signs[:-1], Literal(f"-{tree.text}", -cast("float", tree.value))
        if isinstance(tree, Literal) and tree.value == INT_MAX + 1:
            raise ExpressionError(f"the number `{tree.text}` does not fit into 64 bits")
        return Unary(signs, tree) if signs else tree

    def _member(self) -> Tree:
        tree, steps = self._primary(), 0
        while sign := self._take(".", "["):
            tree = self._field(tree) if sign == "." else self._index(tree)
            if not isinstance(tree, Path):
                steps += 1
                self._enter()
        self._depth -= steps
        return tree

    def _field(self, operand: Tree) -> Tree:
        token = self._next
        if token.kind != "name" or token.text in KEYWORDS:
            raise ExpressionError(f"a field name is missing before {self._here()}")
        self._at += 1
        if self._take("("):
            return self._call(METHODS, token.text, operand)
        if isinstance(operand, Path):
            return Path(operand.name, (*operand.steps, token.text), field=True)
        return Select(operand, token.text)

    def _index(self, operand: Tree) -> Tree:
        key = self._expression()
        self._need("]")
        if isinstance(operand, Path) and isinstance(key, Literal) and key.plain and _is_step(key.value):
            return Path(operand.name, (*operand.steps, cast("str | int", key.value)))
        return Index(operand, key)

    def _list(self, close: str) -> tuple[Tree, ...]:
        items: list[Tree] = []
        while not self._take(close):
            items.append(self._expression())
            if not self._take(","):
                self._need(close)
                break
        return tuple(items)

    def _call(self, known: Mapping[str, int], name: str, receiver: Tree | None) -> Tree:
        args = self._list(")")
        shown = f"`{name}()`" if receiver is None else f"`.{name}()`"
        if name not in known:
            raise ExpressionError(
                f"{shown} is not a function here: there are {', '.join(sorted({*FUNCTIONS, *METHODS}))}"
            )
        if len(args) != known[name]:
            raise ExpressionError(f"{shown} takes {known[name]} arguments, got {len(args)}")
        return Call(name, args, receiver)

    def _has(self) -> Tree:
        args = self._list(")")
        target = args[0] if len(args) == 1 else None
        if isinstance(target, Select) or (isinstance(target, Path) and target.field):
            return Has(target)
        raise ExpressionError("`has()` takes one field, as in `has(state.report.title)`")

    def _primary(self) -> Tree:
        token = self._next
        if token is END:
            raise ExpressionError("a value is missing before the end")
        self._at += 1
        match token.kind, token.text:
            case "number", _:
                return self._number(token)
            case "string", _:
                return _text(token.text)
            case "name", _:
                return self._name(token)
            case _, "(":
                return self._group()
            case _, "[":
                return Items(self._list("]"))
            case _, "{":
                return self._map()
            case _:
                self._at -= 1
                raise ExpressionError(f"a value is missing before {self._here()}")

    def _group(self) -> Tree:
        inner = self._expression()
        self._need(")")
        return Group(inner)

    def _number(self, token: Token) -> Tree:
        follower = self._next
        if follower.kind in ("name", "number") and follower.at == token.at + len(token.text):
            raise ExpressionError(f"`{token.text}{follower.text}` is not a number")
        value = float(token.text) if token.is_double else int(token.text, 0 if "x" in token.text.lower() else 10)
        if abs(value) > (sys.float_info.max if isinstance(value, float) else INT_MAX + 1):
            raise ExpressionError(f"the number `{token.text[:40]}` does not fit into 64 bits")
        return Literal(token.text, value)

    def _name(self, token: Token) -> Tree:
        if token.text in CONSTANTS:
            return Literal(token.text, CONSTANTS[token.text])
        if token.text in RESERVED:
            raise ExpressionError(f"`{token.text}` is a word of the language: it cannot be a name")
        if not self._take("("):
            return Path(token.text)
        return self._has() if token.text == "has" else self._call(FUNCTIONS, token.text, None)

    def _map(self) -> Tree:
        entries: list[tuple[Literal, Tree]] = []
        while not self._take("}"):
            key = self._expression()
            if not isinstance(key, Literal) or not isinstance(key.value, str):
                raise ExpressionError("the keys of a map are quoted texts")
            if any(key.value == other.value for other, _ in entries):
                raise ExpressionError(f"the key {key.text} is there twice")
            self._need(":")
            entries.append((key, self._expression()))
            if not self._take(","):
                self._need("}")
                break
        return Entries(tuple(entries))


def _is_step(value: object) -> bool:
    return isinstance(value, str) or (type(value) is int and value >= 0)


def _text(text: str) -> Literal:
    """A text literal; without escapes, prefix and triple quotes it is what stands between the quotes."""
    plain = text[0] in "\"'" and not text.startswith(('"""', "'''")) and "\\" not in text
    return Literal(text, text[1:-1] if plain else text, plain=plain)
