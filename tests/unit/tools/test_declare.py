"""Declaring a tool: what its card says, what its arguments may be, and what its mistakes become."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field
from temporalio.exceptions import ApplicationError

from activities.failures import RESULT_LIMIT_BYTES
from activities.tools.declare import BadDeclaration, Effect, Refused, Risk, Tool, ToolContext, ToolError, need, tool
from activities.tools.offload import Stop, Stopped, in_thread
from policies.capability import resolve_needs
from tests.unit.tools.calls import KEY, TOOLS, Caller
from workflows.language.schema import check_schema


class Point(BaseModel):
    x: int
    y: int = 0


@tool("text.count", effect=Effect.NONE, risk=Risk.LOW, timeout="500ms", labels=["external"])
async def count(
    context: ToolContext,
    text: Annotated[str, Field(description="What to count in.", max_length=100)],
    json: bool = False,  # noqa: FBT002 - tools are called by name only
    mode: Literal["words", "lines"] = "words",
    points: list[Point] | None = None,
) -> dict[str, object]:
    """Count words or lines."""
    number = len(text.split() if mode == "words" else text.splitlines())
    return {"count": number, "json": json, "points": points, "key": context.idempotency_key}


def test_card_is_made_from_the_signature() -> None:
    card = count.card
    assert (card.name, card.effect, card.risk, card.timeout_s) == ("text.count", Effect.NONE, Risk.LOW, 0.5)
    assert card.labels == ("external",)
    assert card.input_schema["required"] == ["text"]
    assert card.input_schema["additionalProperties"] is False
    assert card.input_schema["description"] == "Count words or lines."
    assert card.input_schema["properties"] == {
        "text": {"type": "string", "description": "What to count in.", "maxLength": 100},
        "json": {"type": "boolean", "default": False},
        "mode": {"type": "string", "enum": ["words", "lines"], "default": "words"},
        "points": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/Point"}}, {"type": "null"}], "default": None},
    }
    assert not check_schema(card.input_schema)


def test_cards_of_the_built_in_tools_fit_the_language() -> None:
    for name, card in TOOLS.cards().items():
        assert not check_schema(card.input_schema), name
        assert len(card.digest) == 64
    assert list(TOOLS.cards()) == ["fs.edit", "fs.glob", "fs.list", "fs.read", "fs.view", "fs.write", "text.search"]


def test_needs_of_the_built_in_tools_follow_the_arguments() -> None:
    def needs(name: str, **args: object) -> list[str]:
        found = TOOLS.get(name)
        assert found is not None
        return [str(needed) for needed in resolve_needs(found.card.needs, args)]

    assert needs("fs.read", path="./a") == ["fs.read:a"]
    assert needs("fs.view", path="./a.png") == ["fs.read:a.png"]
    assert needs("fs.write", path="a//b") == ["fs.write:a/b"]
    assert needs("fs.edit", path="a") == ["fs.read:a", "fs.write:a"]
    assert needs("fs.glob", pattern="src/**") == ["fs.read:src/**"]
    assert needs("text.search", pattern="x", glob="**/*") == ["fs.read:**/*"]


def _declare(**changes: object) -> Tool:
    async def function(context: ToolContext, path: str = ".") -> None:
        """Do."""

    options: dict[str, Any] = {"effect": Effect.READ, "risk": Risk.LOW, "timeout": "1s", "requires": (), **changes}
    return tool("a.b", **options)(function)


@pytest.mark.parametrize(
    "changes",
    [
        {"effect": Effect.ONCE},
        {"risk": Risk.HIGH},
        {"timeout": "2s"},
        {"labels": ("secret",)},
        {"requires": (need("fs.read", arg="path"),)},
        {"requires": (need("fs.read", value="path"),)},
    ],
)
def test_digest_covers_the_declaration(changes: dict[str, object]) -> None:
    assert _declare().card.digest == _declare().card.digest
    assert _declare(**changes).card.digest != _declare().card.digest


def test_digest_covers_the_text_of_the_function() -> None:
    async def one(context: ToolContext) -> int:
        """Do."""
        return 1

    async def two(context: ToolContext) -> int:
        """Do."""
        return 2

    declare = tool("a.b", effect=Effect.READ, risk=Risk.LOW, timeout="1s")
    assert declare(one).card.digest != declare(two).card.digest


async def _no_context(path: str) -> None:
    """Do."""


async def _untyped(context: ToolContext, path) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - that is the mistake
    """Do."""


async def _rest(context: ToolContext, *paths: str) -> None:
    """Do."""


async def _pattern(context: ToolContext, path: Annotated[str, Field(pattern="a+")]) -> None:
    """Do."""


async def _no_schema(context: ToolContext, call: Stop) -> None:
    """Do."""


async def _undescribed(context: ToolContext) -> None:
    pass


async def _unreadable(context: ToolContext, path: Nowhere) -> None:  # type: ignore[name-defined]  # noqa: F821 - that is the mistake
    """Do."""


def _blocking(context: ToolContext) -> None:
    """Do."""


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (_no_context, "write `context: ToolContext`"),
        (_untyped, "parameter `path` has no type; annotate it"),
        (_rest, "parameter `paths` cannot be given by name"),
        (_pattern, "do not fit the JSON Schema of graphs"),
        (_no_schema, "have no JSON Schema"),
        (_undescribed, "it has no docstring"),
        (_unreadable, "an annotation cannot be read"),
        (_blocking, "it is not async"),
    ],
)
def test_function_that_cannot_be_a_tool_is_refused(function: Any, words: str) -> None:  # noqa: ANN401 - mistakes have any type
    with pytest.raises(BadDeclaration, match=r"tool `a\.b`: ") as caught:
        tool("a.b", effect=Effect.READ, risk=Risk.LOW, timeout="1s")(function)
    assert words in str(caught.value)


@pytest.mark.parametrize("name", ["", "A.b", "a b", "run.admit", "model.anthropic", "a..b", ".a", "a/../b", "a" * 40])
def test_name_that_cannot_be_an_activity_of_its_own_is_refused(name: str) -> None:
    with pytest.raises(BadDeclaration, match="name"):
        tool(name, effect=Effect.READ, risk=Risk.LOW, timeout="1s")(count.function)


def test_need_of_an_argument_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadDeclaration, match=r"need `fs\.read`: it has no argument `file`"):
        _declare(requires=[need("fs.read", arg="file")])
    for both in ({}, {"arg": "a", "value": "b"}):
        with pytest.raises(BadDeclaration, match="either `arg` or `value`"):
            need("fs.read", **both)


def test_timeout_that_is_no_duration_is_refused() -> None:
    with pytest.raises(BadDeclaration, match=r"tool `a\.b`"):
        _declare(timeout="soon")


def _context(root: Path) -> ToolContext:
    call = Caller(root)
    access = call.edge.check_tool(call.call("fs.read", {"path": "a"}), TOOLS.cards()["fs.read"], call.scene)
    return ToolContext(call.workspace, access, KEY, 1, 10.0, lambda *_: None)


async def test_arguments_arrive_typed_and_with_defaults(tmp_path: Path) -> None:
    args = {"text": "a b", "json": True, "points": [{"x": 1}]}
    assert await count.call(_context(tmp_path), args) == {
        "count": 2,
        "json": True,
        "points": [{"x": 1, "y": 0}],
        "key": KEY,
    }


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({}, "argument `text`: it is missing"),
        ({"text": 5}, "argument `text`: input should be a valid string"),
        ({"text": "a", "json": "true"}, "argument `json`: input should be a valid boolean"),
        (
            {"text": "a", "jsn": True},
            "argument `jsn`: there is no such argument; leave it out, the arguments are `text`",
        ),
        ({"text": "a", "mode": "bytes"}, "argument `mode`: input should be 'words' or 'lines'"),
        ({"text": "a", "points": [{"x": "1"}]}, "argument `points.0.x`: input should be a valid integer"),
        ({"text": "a" * 101}, "argument `text`: string should have at most 100 characters"),
        ({"text": "\ud800"}, "tool `text.count`: "),
        ({"arg_text": "a"}, "argument `arg_text`: there is no such argument"),
    ],
)
async def test_wrong_argument_is_named_with_the_remedy(tmp_path: Path, args: dict[str, object], words: str) -> None:
    with pytest.raises(ApplicationError) as caught:
        await count.call(_context(tmp_path), args)
    assert (caught.value.type, caught.value.non_retryable) == ("ToolFailed", True)
    assert words in caught.value.message
    with pytest.raises(ApplicationError, match=r"tool `text\.count`"):
        count.check(args)


def _raising(error: Exception) -> Tool:
    async def function(context: ToolContext) -> None:
        """Fail."""
        raise error

    return tool("a.b", effect=Effect.READ, risk=Risk.LOW, timeout="1s")(function)


@pytest.mark.parametrize(
    ("error", "kind", "final", "message"),
    [
        (ToolError("no"), "ToolFailed", True, "tool `a.b`: no"),
        (ToolError("later", retryable=True), "ToolFailed", False, "tool `a.b`: later"),
        (Refused("workspace.outside", "no"), "PolicyDenied", True, "tool `a.b`: no"),
        (KeyError("x"), "ToolFailed", False, "tool `a.b`: KeyError: 'x'"),
        (ApplicationError("own", type="Own"), "Own", False, "own"),
    ],
)
async def test_error_of_a_tool_is_typed(tmp_path: Path, error: Exception, kind: str, final: bool, message: str) -> None:
    with pytest.raises(ApplicationError) as caught:
        await _raising(error).call(_context(tmp_path), {})
    assert (caught.value.type, caught.value.non_retryable, caught.value.message) == (kind, final, message)


def _returning(value: object, effect: Effect = Effect.READ) -> Tool:
    async def function(context: ToolContext) -> object:
        """Give something."""
        return value

    return tool("a.b", effect=effect, risk=Risk.LOW, timeout="1s")(function)


@pytest.mark.parametrize("value", [float("nan"), "\ud800", object(), b"\xff"])
async def test_result_that_is_not_json_is_a_failure(tmp_path: Path, value: object) -> None:
    with pytest.raises(ApplicationError, match="its result is not JSON"):
        await _returning(value).call(_context(tmp_path), {})


async def test_result_over_the_limit_is_a_failure_that_is_not_tried_again(tmp_path: Path) -> None:
    fits = "x" * (RESULT_LIMIT_BYTES - 2)
    assert await _returning(fits).call(_context(tmp_path), {}) == fits
    with pytest.raises(ApplicationError) as caught:
        await _returning(fits + "x").call(_context(tmp_path), {})
    assert (caught.value.type, caught.value.non_retryable) == ("ResultTooLarge", True)


@pytest.mark.parametrize("value", ["x" * RESULT_LIMIT_BYTES, object()])
async def test_work_that_was_done_once_is_not_told_as_if_it_could_be_done_again(tmp_path: Path, value: object) -> None:
    made = _returning(value, effect=Effect.ONCE)
    with pytest.raises(ApplicationError) as caught:
        await made.call(_context(tmp_path), {})
    assert (caught.value.type, caught.value.non_retryable) == ("Uncertain", True)
    assert caught.value.message.endswith("; it was done")


async def test_context_gives_tools_the_files_that_the_call_may_touch(tmp_path: Path) -> None:
    context = _context(tmp_path)
    await context.write_bytes("a/b.bin", b"\xff")
    assert await context.read_bytes("a/b.bin") == b"\xff"
    assert await context.find("**/*") == ["a/b.bin"]
    assert (context.allow_read("a//b.bin"), context.allow_write("new/c")) == ("a/b.bin", "new/c")
    (tmp_path / "out").symlink_to("/etc/passwd")
    for refused in (context.allow_read, context.allow_write):
        with pytest.raises(Refused, match="leads out of the workspace"):
            refused("out")


async def test_cancelled_work_in_a_thread_is_asked_to_stop() -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def work(stop: Stop) -> None:
        try:
            while True:
                stop.check()
        except Stopped:
            loop.call_soon_threadsafe(stopped.set)

    task = asyncio.create_task(in_thread(work))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait_for(stopped.wait(), 5)
    with pytest.raises(asyncio.CancelledError):
        await task
