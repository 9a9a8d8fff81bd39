"""Reading a replies file: what the scripted provider answers, every mistake with its path and remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from activities.models.entry_fields import EntryFields
from activities.models.provider import Tokens
from policies.canonical import NotCanonical, canonical
from policies.expressions import ExpressionError, Program, compile_expression
from policies.reading import Reader, join, shown

NAMES = frozenset({"prompt", "system", "turn", "messages", "tools", "last_tool", "compacting"})
KEYS = ("when", "default", "text", "tool_calls", "output", "usage", "delay", "cut", "error", "times")
SAYS = ("text", "tool_calls", "output", "error")
ERROR_KEYS = ("status", "retry_after", "message")
USAGE_KEYS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
MAX_DELAY_S = 3600.0
FIRST_ERROR_STATUS, LAST_ERROR_STATUS = 400, 599


@dataclass(frozen=True, slots=True)
class ScriptError:
    """An HTTP error status to answer with; `retry_after_s` null sends none."""

    status: int
    retry_after_s: float | None
    message: str


@dataclass(frozen=True, slots=True)
class ScriptCall:
    """A tool call that the model is to ask for."""

    name: str
    args: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptReply:
    """One reply. `when` null always matches; `times` null is any number; `body` is the text of the answer.

    `tokens` null means that they are estimated from the bytes of what is asked and answered. Where `cut` is set the
    answer is made and billed, and its stream ends in the middle.
    """

    when: Program | None
    times: int | None
    body: str
    tool_calls: tuple[ScriptCall, ...]
    structured: str | None
    tokens: Tokens | None
    delay_s: float
    error: ScriptError | None
    cut: bool = False


def read_replies(data: object, reader: Reader) -> tuple[ScriptReply, ...]:
    """The replies of a file in their order; what is wrong goes to the reader."""
    found: list[ScriptReply] = []
    for path, _, replies in reader.entries(data, "", known=("replies",)):
        for place, item in reader.items(replies, path):
            given = {key: value for _, key, value in reader.entries(item, place, known=KEYS)}
            if given or isinstance(item, dict):
                found.append(_read_reply(EntryFields(given, place, reader), place, reader))
    if not found and not reader.problems:
        reader.add("no_replies", "replies", "no reply is written", "write `replies: [{default: true, text: done}]`")
    return tuple(found)


def _read_reply(fields: EntryFields, path: str, reader: Reader) -> ScriptReply:
    if not any(key in fields for key in SAYS):
        remedy = "write one of `text`, `tool_calls`, `output` and `error`"
        reader.add("empty_reply", path, "the reply says nothing", remedy)
    return ScriptReply(
        when=_read_when(fields),
        times=fields.count("times", 1) if "times" in fields else None,
        body=_read_text(fields),
        tool_calls=_read_tool_calls(fields, path, reader),
        structured=_read_output(fields),
        tokens=_read_usage(fields, path, reader),
        delay_s=fields.seconds("delay", 0.0, most=MAX_DELAY_S),
        error=_read_error(fields, path, reader),
        cut=_read_cut(fields),
    )


def _read_when(fields: EntryFields) -> Program | None:
    if ("when" in fields) == ("default" in fields):
        fields.add("reply_match", "when", "a reply has either `when` or `default: true`", "write one of them")
        return None
    if "default" in fields:
        if fields.get("default") is not True:
            fields.add(
                "wrong_value", "default", f"{shown(fields.get('default'))} is not `true`", "write `default: true`"
            )
        return None
    text = fields.get("when")
    try:
        return compile_expression(text if isinstance(text, str) else "", NAMES, want_bool=True)
    except ExpressionError as error:
        fields.add("expression", "when", str(error), f"it may name {', '.join(f'`{name}`' for name in sorted(NAMES))}")
        return None


def _read_cut(fields: EntryFields) -> bool:
    cut = fields.get("cut", False)
    if cut is not False and (cut is not True or "error" in fields):
        fields.add(
            "wrong_value", "cut", f"{shown(cut)} does not fit here", "write `cut: true` beside a `text` or `output`"
        )
    return cut is True


def _read_text(fields: EntryFields) -> str:
    text = fields.get("text", "")
    if isinstance(text, str):
        return text
    fields.add("wrong_type", "text", f"{shown(text)} is not text", "put it in quotes")
    return ""


def _read_output(fields: EntryFields) -> str | None:
    if "output" not in fields:
        return None
    try:
        return canonical(fields.get("output")).decode()
    except NotCanonical as error:
        fields.add("wrong_value", "output", f"not JSON: {error}", "write plain values")
        return None


def _read_usage(fields: EntryFields, path: str, reader: Reader) -> Tokens | None:
    if "usage" not in fields:
        return None
    place = join(path, "usage")
    given = {key: value for _, key, value in reader.entries(fields.get("usage"), place, known=USAGE_KEYS)}
    usage = EntryFields(given, place, reader)
    return Tokens(*(usage.count(key, 0, least=0) for key in USAGE_KEYS))


def _read_error(fields: EntryFields, path: str, reader: Reader) -> ScriptError | None:
    if "error" not in fields:
        return None
    if any(key in fields for key in SAYS if key != "error"):
        fields.add("reply_match", "error", "a reply is an error or an answer, not both", "write two replies")
    place = join(path, "error")
    given = {key: value for _, key, value in reader.entries(fields.get("error"), place, known=ERROR_KEYS)}
    error = EntryFields(given, place, reader)
    status = given.get("status")
    if type(status) is not int or not FIRST_ERROR_STATUS <= status <= LAST_ERROR_STATUS:
        error.add("wrong_value", "status", f"{shown(status)} is not an HTTP error status", "write 400 to 599")
        return None
    delay_s = error.seconds("retry_after", 0.0, most=MAX_DELAY_S) if "retry_after" in error else None
    return ScriptError(status=status, retry_after_s=delay_s, message=error.line("message") or "scripted error")


def _read_tool_calls(fields: EntryFields, path: str, reader: Reader) -> tuple[ScriptCall, ...]:
    if "tool_calls" not in fields:
        return ()
    found: list[ScriptCall] = []
    for place, item in reader.items(fields.get("tool_calls"), join(path, "tool_calls")):
        given = {key: part for _, key, part in reader.entries(item, place, known=("name", "args"))}
        call = EntryFields(given, place, reader)
        found.append(ScriptCall(call.required_line("name"), _read_args(call)))
    return tuple(found)


def _read_args(call: EntryFields) -> dict[str, Any]:
    args = call.get("args", {})
    if not isinstance(args, dict):
        call.add("wrong_type", "args", f"{shown(args)} is not a mapping", "write `{path: a.py}`")
        return {}
    try:
        canonical(args)
    except NotCanonical as error:
        call.add("wrong_value", "args", f"not JSON: {error}", "write plain values")
    return args
