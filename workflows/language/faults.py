"""What pydantic says about a graph document, in our words and with our paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.errors import Problem
from policies.reading import join, nearest, quoted, shown
from workflows.language import spec, spec_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

_TYPES: Final = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "`true` or `false`",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_LIMITS: Final = {"greater_than_equal": ("ge", "under"), "less_than_equal": ("le", "over")}
_KIND_AT: Final = 2
"""Where pydantic puts a node's kind into a place: `nodes`, name, kind, field."""


def problems_of(error: ValidationError) -> list[Problem]:
    """One problem for each error, in the order of the document."""
    return [_problem(details) for details in error.errors(include_url=False)]


def place_of(details: ErrorDetails) -> tuple[str | int, ...]:
    """The place of an error in the document: pydantic's, without the tags of its unions."""
    steps = [step for step in details["loc"] if step not in (spec_values.WORD, spec_values.MAPPING, "[key]")]
    if steps[:1] == ["nodes"]:
        del steps[_KIND_AT : _KIND_AT + 1]
    return (*steps, "kind") if details["type"].startswith("union_tag") else tuple(steps)


def dotted(steps: Sequence[str | int]) -> str:
    """A place as a dotted path."""
    path = ""
    for step in steps:
        path = f"{path}[{step}]" if isinstance(step, int) else join(path, step)
    return path


def _problem(details: ErrorDetails) -> Problem:
    steps = place_of(details)
    code, message, hint = _words(details, str(steps[-1]) if steps else "")
    return Problem(code, message, dotted(steps), hint)


def _words(details: ErrorDetails, name: str) -> tuple[str, str, str | None]:
    """Code, message and suggestion."""
    kind, value = details["type"], details["input"]
    match kind:
        case "missing" | "union_tag_not_found":
            return "missing_field", f"`{name}` is missing", None
        case "extra_forbidden":
            return "unknown_field", f"unknown field {shown(name)}", nearest(name, _fields(details))
        case "union_tag_invalid":
            tag = details["ctx"]["tag"]
            return "unknown_kind", f"{shown(tag)} is not a kind of node", _among(tag, spec.KINDS)
        case "string_pattern_mismatch":
            return "bad_name", f"{shown(value)} is not {spec_values.RULES[details['ctx']['pattern']]}", None
        case "literal_error":
            return _unlisted(value, details["ctx"]["expected"])
        case _ if kind in _TYPES:
            return "wrong_type", f"{shown(value)} is not {_TYPES[kind]}", _remedy(name)
        case _ if kind in _LIMITS:
            bound, word = _LIMITS[kind]
            return "out_of_range", f"{shown(value)} is {word} {details['ctx'][bound]}", None
        case _:
            return (
                "out_of_range",
                f"`{name}` {details['msg'].partition(' should ')[2].replace('have', 'must have')}",
                None,
            )


def _unlisted(value: object, expected: str) -> tuple[str, str, str | None]:
    words = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
    return "wrong_value", f"{shown(value)} is not one of {quoted(words)}", nearest(value, words)


def _among(value: object, words: Sequence[str]) -> str:
    return nearest(value, words) or f"there are {quoted(words)}"


def _remedy(name: str) -> str | None:
    if name in ("timeout", "deadline", "for", "initial", "max_interval"):
        return "write a duration such as `30s`"
    return 'put it in quotes: `version: "1.0.0"`' if name == "version" else None


def _fields(details: ErrorDetails) -> list[str]:
    """The fields that could have been meant: those of the node's kind, or those of the graph, or all others."""
    steps = details["loc"]
    if len(steps) == 1:
        return _aliases(spec.GraphSpec)
    if steps[0] == "nodes" and len(steps) == _KIND_AT + 2:
        return _aliases(spec.NODE_SPECS[str(steps[_KIND_AT])])
    return sorted({name for model in spec_values.PARTS for name in _aliases(model)})


def _aliases(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]
