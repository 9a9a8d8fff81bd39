"""One attempt at one call: decoded, checked again, made, measured."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.dispatch import Dispatch, Reach
from activities.models.catalogue import load_catalogue
from activities.tools.declare import Effect, Risk, Tool, ToolContext, ToolError, tool
from tests.support.calls import CONVERTER, attempt, call, card_digest, reach
from workflows.contracts.failures import FailureType

COUNT: list[str] = []


def counting(effect: Effect) -> Tool:
    """A tool that remembers that it was called."""

    @tool("text.count", effect=effect, risk=Risk.LOW, timeout="5s")
    async def count(context: ToolContext, what: str = "x") -> dict[str, int]:
        """Count."""
        COUNT.append(context.idempotency_key)
        if what == "fail":
            raise ToolError("see /etc/passwd", retryable=True)
        if what == "bug":
            raise KeyError("/etc/passwd")
        if what == "beat":
            await asyncio.to_thread(context.heartbeat, "half")
            await asyncio.sleep(0.01)
        return {"n": len(what)}

    return count


@pytest.fixture(autouse=True)
def _fresh() -> None:
    COUNT.clear()


async def refused(parts: Reach, argument: object, **info: Any) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await attempt(parts, argument, **info)
    return caught.value


async def test_a_tool_is_called_and_its_output_comes_back(tmp_path: Path) -> None:
    parts = reach(tmp_path)
    (tmp_path / "work" / "a.txt").write_text("hello", encoding="utf-8")
    result = await attempt(parts, call("fs.read", {"path": "a.txt"}, card_digest(parts, "fs.read")))
    assert result["v"] == 1
    assert result["status"] == "ok"
    assert result["output"]["text"] == "hello"


@pytest.mark.parametrize("argument", [None, "x", 3, [], {}, {"name": "fs.read"}])
async def test_what_is_no_call_is_refused_for_good(tmp_path: Path, argument: object) -> None:
    error = await refused(reach(tmp_path), argument, activity_type="fs.read")
    assert (error.type, error.non_retryable) == (FailureType.INVALID_VALUE, True)


async def test_a_newer_call_is_refused_with_a_remedy(tmp_path: Path) -> None:
    parts = reach(tmp_path)
    error = await refused(parts, call("fs.read", {"path": "a"}, card_digest(parts, "fs.read"), v=2))
    assert "this worker knows 1: update it" in error.message


async def test_a_tool_that_is_not_here_may_be_on_another_worker(tmp_path: Path) -> None:
    error = await refused(reach(tmp_path), call("web.fetch", {}, ""))
    assert (error.type, error.non_retryable) == (FailureType.GAP, False)


@pytest.mark.parametrize(
    "change",
    [
        {"args": {"path": "other.txt"}},
        {"decision": {"verdict": "modify", "rules": ["allow"], "policy": "0" * 16, "digest": "0" * 16}},
    ],
)
async def test_a_call_that_was_not_decided_is_denied(tmp_path: Path, change: dict[str, Any]) -> None:
    parts = reach(tmp_path)
    (tmp_path / "work" / "other.txt").write_text("secret", encoding="utf-8")
    made = {**call("fs.read", {"path": "a.txt"}, card_digest(parts, "fs.read")), **change}
    error = await refused(parts, made)
    assert (error.type, error.non_retryable) == (FailureType.POLICY_DENIED, True)
    assert "not the one that was decided" in error.message


async def test_a_tool_that_has_changed_since_is_denied(tmp_path: Path) -> None:
    error = await refused(reach(tmp_path), call("fs.read", {"path": "a.txt"}, "the digest of another version"))
    assert error.type == FailureType.POLICY_DENIED


async def test_one_tools_activity_does_not_run_another(tmp_path: Path) -> None:
    parts = reach(tmp_path)
    made = call("fs.read", {"path": "a.txt"}, card_digest(parts, "fs.read"))
    error = await refused(parts, made, activity_type="fs.write")
    assert error.type == FailureType.POLICY_DENIED


@pytest.mark.parametrize("workflow_id", ["acme/g/k", "", "g"])
async def test_a_tenant_that_the_policy_does_not_know_is_denied(tmp_path: Path, workflow_id: str) -> None:
    parts = reach(tmp_path)
    made = call("fs.read", {"path": "a.txt"}, card_digest(parts, "fs.read"))
    error = await refused(parts, made, workflow_id=workflow_id)
    assert error.type == FailureType.POLICY_DENIED
    assert error.details[0]["rule"] == "tenant.namespace"


async def test_what_may_happen_once_happens_once(tmp_path: Path) -> None:
    parts = reach(tmp_path, counting(Effect.ONCE))
    made = call("text.count", {}, card_digest(parts, "text.count"))
    assert (await attempt(parts, made))["output"] == {"n": 1}
    error = await refused(parts, made)
    assert (error.type, error.non_retryable) == (FailureType.UNCERTAIN, True)
    assert len(COUNT) == 1


async def test_a_persons_retry_may_do_it_again(tmp_path: Path) -> None:
    parts = reach(tmp_path, counting(Effect.ONCE))
    for generation in (0, 1):
        await attempt(parts, call("text.count", {}, card_digest(parts, "text.count"), generation=generation))
    assert len(COUNT) == 2


async def test_a_denied_call_claims_nothing(tmp_path: Path) -> None:
    parts = reach(tmp_path, counting(Effect.ONCE))
    made = call("text.count", {}, card_digest(parts, "text.count"))
    await refused(parts, made, workflow_id="acme/g/k")
    assert (await attempt(parts, made))["output"] == {"n": 1}


async def test_what_is_idempotent_may_be_tried_again(tmp_path: Path) -> None:
    parts = reach(tmp_path, counting(Effect.IDEMPOTENT))
    made = call("text.count", {}, card_digest(parts, "text.count"))
    await attempt(parts, made)
    await attempt(parts, made, attempt=2)
    assert COUNT == ["0" * 64] * 2


@pytest.mark.parametrize("what", ["fail", "bug"])
@pytest.mark.parametrize(("effect", "again"), [(Effect.READ, True), (Effect.ONCE, False)])
async def test_a_tools_failure_says_nothing_about_the_machine(
    tmp_path: Path, what: str, effect: Effect, again: bool
) -> None:
    parts = reach(tmp_path, counting(effect))
    error = await refused(parts, call("text.count", {"what": what}, card_digest(parts, "text.count")))
    assert error.type == FailureType.TOOL_FAILED
    assert error.non_retryable is not again
    assert "/etc" not in error.message
    assert error.__cause__ is None


async def test_a_tool_may_beat_from_a_thread(tmp_path: Path) -> None:
    parts = reach(tmp_path, counting(Effect.READ))
    made = call("text.count", {"what": "beat"}, card_digest(parts, "text.count"))
    assert (await attempt(parts, made))["output"] == {"n": 4}


MODELS = """
models:
  default: {provider: scripted, script: replies.yaml, price: {input: 1, output: 2}}
"""
REPLIES = """
replies:
  - {default: true, text: hello, usage: {input_tokens: 3, output_tokens: 1}}
"""


def with_model(root: Path) -> Reach:
    """A worker's parts with a scripted model `default`."""
    (root / "models.yaml").write_text(MODELS, encoding="utf-8")
    (root / "replies.yaml").write_text(REPLIES, encoding="utf-8")
    return reach(root, catalogue=load_catalogue(root / "models.yaml", None, environ={}))


def asking(parts: Reach, **changes: Any) -> dict[str, Any]:
    """A decided call of the model `default`."""
    entry = parts.catalogue.get("default")
    assert entry is not None
    messages = [{"role": "user", "content": [{"text": "hi"}]}]
    args = {"alias": "default", "model": entry.card.model, "messages": messages, "max_tokens": 10, **changes}
    return call("default", args, entry.card.digest, "model")


async def test_a_model_is_called_and_accounted_for(tmp_path: Path) -> None:
    parts = with_model(tmp_path)
    result = await attempt(parts, asking(parts), activity_type="model.scripted")
    assert result["output"]["text"] == "hello"
    assert result["usage"]["tokens"] == 4
    assert result["usage"]["cost_nano"] == 5000


async def test_a_call_for_one_model_does_not_reach_another(tmp_path: Path) -> None:
    parts = with_model(tmp_path)
    error = await refused(parts, asking(parts, alias="dear"), activity_type="model.scripted")
    assert error.type == FailureType.POLICY_DENIED


async def test_a_model_call_that_was_not_decided_is_denied(tmp_path: Path) -> None:
    parts = with_model(tmp_path)
    made = asking(parts)
    made["args"]["max_tokens"] = 10_000
    error = await refused(parts, made, activity_type="model.scripted")
    assert error.type == FailureType.POLICY_DENIED


async def test_a_mistake_in_the_worker_is_told_as_one(tmp_path: Path) -> None:
    parts = dataclasses.replace(reach(tmp_path), edge=None)  # type: ignore[arg-type]  # the mistake
    error = await refused(parts, call("fs.read", {"path": "a.txt"}, card_digest(parts, "fs.read")))
    assert error.type == FailureType.INTERNAL
    assert error.__cause__ is None


async def test_evidence_that_says_two_things_is_no_evidence(tmp_path: Path) -> None:
    parts = reach(tmp_path)
    permit = {"pause": "p1", "triggers": [], "outcome": "approve", "by": "ada", "digest": "0" * 64}
    made = call("fs.read", {"path": "a"}, card_digest(parts, "fs.read"), permit=permit)
    twice = json.dumps(made).replace('"outcome"', '"outcome": "deny", "outcome"').encode()
    payload = Payload(metadata={"encoding": b"json/plain"}, data=twice)
    environment = ActivityEnvironment()
    environment.payload_converter = CONVERTER
    environment.info = dataclasses.replace(environment.info, activity_type="fs.read", workflow_id="default/g/k")
    with pytest.raises(ApplicationError, match=r"is not a call.*TwinKey"):
        await environment.run(Dispatch(parts).dispatch, [RawValue(payload)])
    assert (await refused(parts, made)).details[0]["rule"] == "edge.evidence"  # read once, it is judged
