"""The written form of guardrails, and what makes one impossible: an expression that fails, a fact that is not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

from policies.cel_lexer import tokens_of
from policies.errors import ExpressionError
from policies.expressions import Program, compile_expression
from policies.guardrails import ACTIONS, AFTER, BEFORE_ONLY, FIELDS, GUARD_SCOPES, NAMES, Action, Guardrail, GuardScope
from policies.reading import RULE_NAME, join, nearest, quoted, shown

if TYPE_CHECKING:
    from policies.expressions import Path
    from policies.guardrails import Sort
    from policies.reading import Reader

MAX_RULES, MAX_MESSAGE = 256, 2048
KEYS = ("id", "scope", "when", "then", "message", "repeat")
NEEDED = ("id", "when", "then")
EXAMPLE = 'write `{id: many-tokens, scope: lifetime, when: "lifetime.tokens_used > 90000", then: pause_lifetime}`'

_ZEROS: Final[Mapping[Sort, object]] = {"text": "", "number": 0, "texts": [], "numbers": {}, "any": {}}
_NOTHING: Final = {
    name: {key: _ZEROS[sort] for key, sort in what.items()} if isinstance(what, Mapping) else _ZEROS[what]
    for name, what in FIELDS.items()
}
"""Facts of a run that has done nothing, to see what a rule gives."""


def read_guardrails(reader: Reader, value: object, path: str) -> tuple[Guardrail, ...]:
    """The rules at `path`, each of which compiles; no two with one id."""
    rules: list[Guardrail] = []
    places = reader.items(value, path)
    reader.most(places, path, MAX_RULES)
    for place, item in places:
        rule = _read_rule(reader, item, place)
        if rule is None:
            continue
        if rule.id in {other.id for other in rules}:
            reader.add("duplicate", join(place, "id"), f"there is a guardrail `{rule.id}` already")
        _check(reader, rule, place)
        rules.append(rule)
    return tuple(rules)


def write_guardrails(rules: tuple[Guardrail, ...]) -> list[dict[str, object]]:
    """The list that `read_guardrails` reads as these rules."""
    return [{key: getattr(rule, key) for key in KEYS} for rule in rules]


def without_sums(text: str) -> str:
    """The expression with `sum(tokens_used)`, as older documents have it, as `lifetime.tokens_used`."""
    pieces, at = "", 0
    tokens = tokens_of(text)
    for index, token in enumerate(tokens[:-3]):
        _, opening, field, closing = tokens[index : index + 4]
        is_method = index > 0 and tokens[index - 1].text == "."
        called = (token.text, opening.text, field.kind, closing.text) == ("sum", "(", "name", ")")
        if called and not is_method:
            pieces, at = f"{pieces}{text[at : token.at]}lifetime.{field.text}", closing.at + 1
    return pieces + text[at:]


def _read_rule(reader: Reader, value: object, path: str) -> Guardrail | None:
    found = {key: (place, item) for place, key, item in reader.entries(value, path, known=KEYS)}
    missing = [key for key in NEEDED if key not in found]
    if missing and isinstance(value, dict):
        reader.add("missing", path, f"a guardrail has {quoted(missing)}", EXAMPLE)
    known = len(reader.problems)
    id_ = reader.name(found["id"][1], found["id"][0], RULE_NAME) if "id" in found else None
    scope = reader.choice(found["scope"][1], found["scope"][0], GUARD_SCOPES) if "scope" in found else "lifetime"
    then = reader.choice(found["then"][1], found["then"][0], ACTIONS) if "then" in found else None
    when = _read_text(reader, *found["when"]) if "when" in found else ""
    message = _read_text(reader, *found["message"]) if "message" in found else ""
    repeat = reader.flag(found["repeat"][1], found["repeat"][0]) if "repeat" in found else False
    if missing or len(reader.problems) > known:
        return None
    rule_scope, action = cast("GuardScope", scope), cast("Action", then)
    return Guardrail(str(id_), rule_scope, _modern(when), action, message, repeat)


def _read_text(reader: Reader, path: str, value: object) -> str:
    if not isinstance(value, str):
        reader.add("wrong_type", path, f"{shown(value)} is not text", "put it in quotes")
    elif len(value) > MAX_MESSAGE:
        reader.add("too_many", path, f"{len(value):,} characters are more than {MAX_MESSAGE:,}")
    else:
        return value
    return ""


def _modern(text: str) -> str:
    """The expression as it is kept; what has no tokens is told when it is compiled."""
    try:
        return without_sums(text)
    except ExpressionError:
        return text


def _check(reader: Reader, rule: Guardrail, path: str) -> None:
    """Everything that would make the rule fail, or never be run, whatever the facts are."""
    known = len(reader.problems)
    when, message = join(path, "when"), join(path, "message")
    _check_condition(reader, rule, when)
    try:
        programs = [piece for piece in rule.words if isinstance(piece, Program)]
    except ExpressionError as error:
        programs = []
        reader.add("expression", message, str(error))
    for program in programs:
        _check_paths(reader, program, message)
    if len(reader.problems) == known and rule.then in BEFORE_ONLY and rule.is_after:
        fields = quoted([f"execution.{name}" for name in sorted(AFTER)])
        told = f"`{rule.then}` is said before a call, but the rule reads what is known only after it ({fields})"
        reader.add("mix", path, told, "write `pause_lifetime`, `reject_execution` or `warn`, or read other facts")


def _check_condition(reader: Reader, rule: Guardrail, path: str) -> None:
    try:
        program = compile_expression(rule.when, NAMES, want_bool=True)
    except ExpressionError as error:
        reader.add("expression", path, str(error))
        return
    _check_paths(reader, program, path)
    try:
        value = compile_expression(rule.when, NAMES, want_bool=False).evaluate(_NOTHING)
    except ExpressionError:
        return  # it may read an argument, or divide by a count
    if not isinstance(value, bool):
        reader.add("expression", path, f"`{rule.when}`: it is not true or false", "compare it with something")


def _check_paths(reader: Reader, program: Program, path: str) -> None:
    for fact in program.paths:
        flaw = _flaw(fact)
        if flaw is not None:
            reader.add("unknown_field", path, f"`{program.source}`: {flaw[0]}", flaw[1])


def _flaw(path: Path) -> tuple[str, str | None] | None:
    """What is wrong with reading a path, and a hint; null if it can be read."""
    what, steps = FIELDS[path.name], path.steps
    if isinstance(what, Mapping):
        if not steps:
            return f"`{path.name}` may not be read whole", f"name a field: {quoted(tuple(what))}"
        sort = what.get(str(steps[0]))
        if sort is None:
            known = tuple(what)
            hint = nearest(steps[0], known) or f"known here: {quoted(known)}"
            return f"`{path.name}` has no field `{steps[0]}`", hint
        what, steps = sort, steps[1:]
    return None if _may_step(what, steps) else (f"there is nothing below {_SHOWN[what]} at `{path}`", None)


_SHOWN: Final[Mapping[Sort, str]] = {
    "text": "the text",
    "number": "the number",
    "texts": "the list of texts",
    "numbers": "the counts",
    "any": "the value",
}


def _may_step(sort: Sort, steps: tuple[str | int, ...]) -> bool:
    match sort:
        case "any":
            return True
        case "texts":
            return not steps or (len(steps) == 1 and isinstance(steps[0], int))
        case "numbers":
            return not steps or (len(steps) == 1 and isinstance(steps[0], str))
        case _:
            return not steps
