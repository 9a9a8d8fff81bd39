"""What a tool is: a typed function with a declaration of its effect, its risk and what it needs."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from pydantic_core import PydanticSerializationError, to_jsonable_python
from temporalio.exceptions import ApplicationError, FailureError

from activities.failures import RESULT_LIMIT_BYTES, policy_denied, result_too_large, tool_failed, uncertain
from activities.tools.arguments import Arguments, BadDeclaration, read_signature
from activities.tools.context import ToolContext
from activities.tools.errors import Refused, ToolError
from activities.tools.media import Media, flaw_of
from policies.canonical import NotCanonical, canonical, digest
from policies.model import Effect, Risk
from workflows.contracts.run import NeedCard, ToolCard
from workflows.language.durations import parse_duration

__all__ = ["BadDeclaration", "Effect", "Media", "Refused", "Risk", "Tool", "ToolContext", "ToolError", "need", "tool"]

FILE_DIGEST = "__detent_file__"
"""Where a module that was loaded from a file of the operator's keeps the digest of all of it."""
Function: TypeAlias = Callable[..., Awaitable[object]]

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}([./][a-z][a-z0-9_-]{0,31}){0,3}")
_RESERVED = ("run.", "model.")
"""Activity types of our own, which no tool may take the name of."""


@dataclass(frozen=True)
class Tool:
    """A declared tool. `timeout_s` is for one attempt, unless the graph's node says otherwise."""

    name: str
    effect: Effect
    risk: Risk
    timeout_s: float
    needs: tuple[NeedCard, ...]
    labels: tuple[str, ...]
    function: Function
    arguments: Arguments
    description: str

    @cached_property
    def card(self) -> ToolCard:
        """The tool as runs record it; its digest covers the declaration, the schema and the code."""
        schema = {**self.arguments.schema, "description": self.description}
        card = ToolCard(
            name=self.name,
            effect=self.effect,
            risk=self.risk,
            timeout_s=self.timeout_s,
            needs=self.needs,
            labels=self.labels,
            input_schema=schema,
            digest="",
        )
        declared = card.model_dump(mode="json", exclude={"digest"})
        return card.model_copy(update={"digest": digest({**declared, "source": _source(self.function)})})

    def check(self, args: Mapping[str, object]) -> None:
        """Raise `ToolFailed`, naming the argument, if the tool does not take these; the edge comes after it."""
        try:
            self.arguments.validate(args)
        except ToolError as error:
            raise tool_failed(self._about(error)) from None

    async def call(self, context: ToolContext, args: Mapping[str, object]) -> object:
        """Make one attempt; gives JSON of at most `RESULT_LIMIT_BYTES`, or a `Media` that a model can be shown.

        Raises `ApplicationError` of type `ToolFailed`, `PolicyDenied` or `ResultTooLarge`; `Uncertain` where a `once`
        tool has done its work, and nobody can have what it gave.
        """
        try:
            result = await self.function(context, **self.arguments.validate(args))
        except Refused as refusal:
            raise policy_denied(refusal.rule, self._about(refusal)) from None
        except ToolError as error:
            raise tool_failed(self._about(error), retryable=error.retryable) from None
        except FailureError:
            raise
        except Exception as error:  # whoever wrote the tool wrote a mistake; the run must see it as the tool's
            raise tool_failed(self._about(f"{type(error).__name__}: {error}"), retryable=True) from error
        try:
            return self._checked(result)
        except ApplicationError as error:
            if self.effect is not Effect.ONCE:
                raise
            raise uncertain(f"{error.message}; it was done") from None  # nobody may read that it is to be done again

    def _checked(self, result: object) -> object:
        if isinstance(result, Media):
            flaw = flaw_of(result)
            if flaw is not None:
                raise tool_failed(self._about(flaw))
            return result
        try:
            output: object = to_jsonable_python(result)
            size_bytes = len(canonical(output))
        except (PydanticSerializationError, NotCanonical, ValueError) as error:
            raise tool_failed(self._about(f"its result is not JSON: {error}")) from None
        if size_bytes > RESULT_LIMIT_BYTES:
            raise result_too_large(f"tool `{self.name}`", size_bytes, "ask it for less, in parts")
        return output

    def _about(self, what: object) -> str:
        return f"tool `{self.name}`: {what}"


def need(kind: str, *, arg: str | None = None, value: str | None = None) -> NeedCard:
    """A capability of `kind` that a tool needs: for what its argument `arg` holds, or for the constant `value`."""
    if (arg is None) == (value is None):
        raise BadDeclaration(f"need `{kind}`: give either `arg` or `value`")
    return NeedCard(kind=kind, arg=arg, value=value)


def tool(  # noqa: PLR0913 - a declaration has as many parts as it has
    name: str,
    *,
    effect: Effect,
    risk: Risk,
    timeout: str,
    requires: Sequence[NeedCard] = (),
    labels: Sequence[str] = (),
) -> Callable[[Function], Tool]:
    """Declare an async function as a tool. What it takes is its signature, after `context: ToolContext`.

    Raises `BadDeclaration` for what cannot work; `timeout` is a duration (`10s`) for one attempt.
    """

    def declare(function: Function) -> Tool:
        try:
            _check_name(name)
            arguments = _read(function)
            _check_needs(requires, arguments)
            timeout_s = parse_duration(timeout)
        except (BadDeclaration, ValueError) as error:
            raise BadDeclaration(f"tool `{name}`: {error}") from error
        description = inspect.getdoc(function) or ""
        return Tool(name, effect, risk, timeout_s, tuple(requires), tuple(labels), function, arguments, description)

    return declare


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise BadDeclaration("this is no name of a tool; write small letters with dots, such as `text.count`")
    if name.startswith(_RESERVED):
        raise BadDeclaration("names that start with `run.` and `model.` are taken; choose another")


def _read(function: Function) -> Arguments:
    if not inspect.iscoroutinefunction(function):
        raise BadDeclaration("it is not async; write `async def`, and `context.in_workspace` for what blocks")
    if not inspect.getdoc(function):
        raise BadDeclaration("it has no docstring; say what it does, for people and models who choose it")
    return read_signature(function, ToolContext)


def _check_needs(requires: Sequence[NeedCard], arguments: Arguments) -> None:
    for needed in requires:
        if needed.arg is not None and needed.arg not in arguments.names:
            raise BadDeclaration(f"need `{needed.kind}`: it has no argument `{needed.arg}`")


def _source(function: Function) -> str:
    """What the function says, and all of the operator's file that it is from: it may call what stands beside it."""
    try:
        text = inspect.cleandoc(inspect.getsource(function))
    except (OSError, TypeError) as error:
        raise BadDeclaration(f"its source cannot be read: {error}; put it in a file") from error
    whole = function.__globals__.get(FILE_DIGEST)
    return text if whole is None else f"{text}\n{whole}"
