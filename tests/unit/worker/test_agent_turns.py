"""An agent's turns through a worker's one activity: what goes into history, into heartbeats and to the next worker."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.dispatch import Dispatch, Reach
from activities.models.catalogue import load_catalogue
from activities.redaction import Redactor
from tests.support.calls import CONVERTER, call, card_digest, reach

SECRET = "s3cret-value-of-a-reference"
MODELS = "models: {default: {provider: scripted, script: replies.yaml, price: {input: 1, output: 2}}}"
REPLIES = f"""
replies:
  - {{when: "turn == 0", text: "I know {SECRET}.", tool_calls: [{{name: fs.read, args: {{path: a.py}}}}]}}
  - {{when: "last_tool.name == 'fs.read' && last_tool.text == 'whole'", text: done}}
"""


def worker(root: Path) -> Reach:
    (root / "models.yaml").write_text(MODELS)
    (root / "replies.yaml").write_text(REPLIES)
    parts = reach(root, catalogue=load_catalogue(root / "models.yaml", None, environ={}))
    return dataclasses.replace(parts, redactor=Redactor([SECRET]))


async def turn(parts: Reach, message: dict[str, Any], number: int, **changes: Any) -> tuple[dict[str, Any], list[Any]]:
    """One attempt at a turn on a worker that has just started; the result in the history, and the heartbeats."""
    entry = parts.catalogue.get("default")
    assert entry is not None
    args = {"alias": "default", "model": entry.card.model, "messages": [message], "max_tokens": 100, "agent": True}
    toolset = [f"fs.read@{card_digest(parts, 'fs.read')[:12]}"]
    made = call("default", {**args, "toolset": toolset, **changes}, entry.card.digest, "model", key=f"{number:064}")
    heard: list[Any] = []
    environment = ActivityEnvironment()
    environment.payload_converter = CONVERTER
    environment.on_heartbeat = heard.append
    known: dict[str, Any] = {"activity_type": "model.scripted", "workflow_id": "default/g/k"}
    environment.info = dataclasses.replace(environment.info, **known)
    raw = await environment.run(Dispatch(parts).dispatch, [RawValue(CONVERTER.to_payload(made))])
    assert isinstance(raw, RawValue)
    return CONVERTER.from_payload(raw.payload), heard


def asked(text: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"text": text}]}


async def test_conversation_goes_on_at_another_worker_without_a_secret_in_it(tmp_path: Path) -> None:
    first, heard = await turn(worker(tmp_path), asked("Review this."), 1)
    (wanted,) = first["output"]["tool_calls"]
    assert (wanted["name"], wanted["args"]) == ("fs.read", {"path": "a.py"})
    assert first["output"]["transcript"]["uri"].startswith("blob:default/")
    assert first["output"]["text"] == "I know [redacted]."
    result = {"id": wanted["id"], "content": [{"text": "whole"}]}
    told = {"role": "user", "results": [result]}
    second, _ = await turn(worker(tmp_path), told, 2, transcript=first["output"]["transcript"])
    assert (second["output"]["text"], second["status"]) == ("done", "ok")
    assert heard[-1] == {
        "attempt": 1,
        "text": "I know [redacted].",
        "chars": len(f"I know {SECRET}."),
        "tool": "fs.read",
    }
    blobs = [path.read_bytes() for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in data for data in blobs)
    assert SECRET not in str(heard)


async def test_turn_holds_in_history_only_what_is_new(tmp_path: Path) -> None:
    first, _ = await turn(worker(tmp_path), asked("Review this."), 1)
    assert first["output"].keys() == {"text", "stop_reason", "tool_calls", "transcript", "transcript_bytes"}


async def test_reference_to_another_tenant_is_denied(tmp_path: Path) -> None:
    first, _ = await turn(worker(tmp_path), asked("Review this."), 1)
    foreign = first["output"]["transcript"]
    foreign["uri"] = foreign["uri"].replace("blob:default/", "blob:acme/")
    with pytest.raises(ApplicationError) as caught:
        await turn(worker(tmp_path), asked("Go on."), 2, transcript=foreign)
    assert (caught.value.type, caught.value.non_retryable) == ("PolicyDenied", True)
    assert caught.value.details[0]["rule"] == "edge.reference"
