"""The arguments of a tool call, from the text that a model wrote."""

from __future__ import annotations

import json
from typing import Any

from activities.models.echoes import Echoes
from policies.canonical import NotCanonical, canonical
from workflows.contracts.conversation import ToolUse

SHOWN_CHARS = 200


def tool_use(call_id: str, name: str, text: str, echoes: Echoes, *, cut: bool = False) -> ToolUse:
    """A call that a model asks for. Arguments that cannot be read are its to mend, so they are a fault, and none.

    `cut`: the answer ended at its limit of tokens with this call, so arguments that are not there were not said.
    """
    named = ToolUse(id=echoes.text(call_id), name=echoes.text(name))
    try:
        return named.model_copy(update={"args": _read(text, echoes, cut=cut)})
    except (ValueError, RecursionError) as error:
        # Redacted before it is cut: a cut through the key would leave half of it.
        clean = echoes.text(text).encode(errors="replace").decode()
        begin = clean if len(clean) <= SHOWN_CHARS else f"{clean[:SHOWN_CHARS]}…"
        cause = "the answer was cut off at its limit of tokens" if cut else echoes.text(str(error))
        fault = f"the arguments are not a JSON object: {cause}" + (f"; they began with: {begin}" if begin else "")
        return named.model_copy(update={"fault": fault})


def _read(text: str, echoes: Echoes, *, cut: bool) -> dict[str, Any]:
    # A call without arguments is streamed as nothing at all.
    value = {} if not text.strip() and not cut else json.loads(text, parse_constant=_no_constant)
    if not isinstance(value, dict):
        raise ValueError(f"it is {_kind(value)}")  # noqa: TRY004 - a mistake of the model's text, told like its others
    clean = echoes.value(value)
    assert isinstance(clean, dict)
    try:
        canonical(clean)
    except NotCanonical as error:
        raise ValueError(str(error)) from None
    return clean


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _kind(value: object) -> str:
    kinds = {list: "a list", str: "a text", bool: "a truth value", int: "a number", float: "a number"}
    return kinds.get(type(value), "null")
