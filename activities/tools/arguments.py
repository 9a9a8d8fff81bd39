"""The arguments of a tool: their JSON Schema, made from the function's signature, and their validation."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticUserError

from activities.tools.errors import ToolError
from workflows.language.schema import check_schema

_CONFIG = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
_SCHEMAS = frozenset({"properties", "$defs"})
_CHILDREN = frozenset({"items", "additionalProperties"})


class BadDeclaration(Exception):
    """A tool is declared in a way that cannot work; the message says how to mend it."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a tool takes. `schema` is in the subset of JSON Schema that graphs use."""

    names: tuple[str, ...]
    schema: dict[str, object]
    model: type[BaseModel]

    def validate(self, args: Mapping[str, object]) -> dict[str, object]:
        """The arguments as the function wants them, defaults filled in. Values are never coerced: "5" is no 5."""
        try:
            found = self.model.model_validate_json(json.dumps(args), strict=True)
        except ValidationError as error:
            raise ToolError(self._explain(error)) from None
        return {name: getattr(found, _field(name)) for name in self.names}

    def _explain(self, error: ValidationError) -> str:
        return "; ".join(self._explain_one(tuple(flaw["loc"]), flaw["type"], flaw["msg"]) for flaw in error.errors())

    def _explain_one(self, place: tuple[int | str, ...], kind: str, message: str) -> str:
        path = ".".join(str(part) for part in place)
        if kind == "extra_forbidden" and len(place) == 1:
            known = ", ".join(f"`{name}`" for name in self.names) or "none"
            return f"argument `{path}`: there is no such argument; leave it out, the arguments are {known}"
        if kind == "missing":
            return f"argument `{path}`: it is missing; give it a value"
        return f"argument `{path}`: {message[:1].lower()}{message[1:]}"


def read_signature(function: Callable[..., object], context: type) -> Arguments:
    """The arguments of a function whose first parameter is the context. Raises `BadDeclaration`."""
    try:
        parameters = list(inspect.signature(function, eval_str=True).parameters.values())
    except NameError as error:
        raise BadDeclaration(f"an annotation cannot be read: {error}; import it outside of `TYPE_CHECKING`") from error
    if not parameters or parameters[0].annotation is not context:
        raise BadDeclaration("its first parameter is not the context; write `context: ToolContext`")
    fields = {_field(parameter.name): _definition(parameter) for parameter in parameters[1:]}
    names = tuple(parameter.name for parameter in parameters[1:])
    try:
        model = create_model("Arguments", __config__=_CONFIG, **fields)  # type: ignore[call-overload] # fields by name have no static type
        schema = _plain(model.model_json_schema(by_alias=True))
    except PydanticUserError as error:
        raise BadDeclaration(f"its parameters have no JSON Schema: {error.message}") from error
    for problem in check_schema(schema):
        raise BadDeclaration(f"its parameters do not fit the JSON Schema of graphs: {problem}")
    return Arguments(names, schema, model)


def _field(name: str) -> str:
    """A parameter may be named like something of pydantic's own; a field may not."""
    return f"arg_{name}"


def _definition(parameter: inspect.Parameter) -> tuple[object, object]:
    if parameter.kind not in {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}:
        raise BadDeclaration(f"parameter `{parameter.name}` cannot be given by name; write it as a plain parameter")
    if parameter.annotation is inspect.Parameter.empty:
        raise BadDeclaration(f"parameter `{parameter.name}` has no type; annotate it")
    required = parameter.default is inspect.Parameter.empty
    return parameter.annotation, Field(default=... if required else parameter.default, alias=parameter.name)


def _plain(schema: Mapping[str, object]) -> dict[str, object]:
    """The schema without the titles that pydantic makes up from names."""
    return {key: _plain_value(key, value) for key, value in schema.items() if key != "title"}


def _plain_value(key: str, value: object) -> object:
    if key in _SCHEMAS and isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if key in _CHILDREN and isinstance(value, dict):
        return _plain(value)
    if key == "anyOf" and isinstance(value, list):
        return [_plain(item) for item in value]
    return value
