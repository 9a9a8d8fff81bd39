"""An agent whose conversation outgrows the model's context, on the real server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.runs import Run, graph_of, policy_of, working

if TYPE_CHECKING:
    from pathlib import Path

    from temporalio.client import Client

    from activities.blobs import DirectoryBlobs

FILES = 24
MODELS = "models: {default: {provider: scripted, script: replies.yaml, context: 6000, max_tokens: 200}}"
READING = "{{default: true, times: 1, text: file {n}, tool_calls: [{{name: fs.read, args: {{path: {n}.txt}}}}]}}"
SCRIPT = f"""
replies:
  - {{when: compacting, text: "The files hold numbers."}}
{"".join(f"  - {READING.format(n=n)}" + chr(10) for n in range(FILES))}
  - {{when: "prompt.contains('The files hold numbers.') && prompt.startsWith('Read them.')", text: all read}}
"""
AGENT = {
    "kind": "agent",
    "model": "default",
    "instructions": "Be brief.",
    "prompt": "Read them.",
    "tools": ["fs.read"],
    "max_turns": 40,
    "writes": {"said": "${result.text}"},
    "next": "end",
}


async def test_conversation_that_outgrows_its_context_is_summed_up_and_goes_on(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> None:
    policy = policy_of(budgets={"lifetime": {"tokens": 1_000_000}})
    async with working(
        temporal_client, blobs, task_queue, tmp_path, policy=policy, script=SCRIPT, models=MODELS
    ) as runs:
        for n in range(FILES):
            (runs.workspace / f"{n}.txt").write_text(f"{n} " * 600)
        run = await runs.start(graph_of({"read": AGENT}, state={"said": {"reducer": "last"}}))
        view = await run.closed()
    assert (view.phase, view.state["said"]) == ("completed", "all read")
    turns = await answers(run)
    summaries = [turn for turn in turns if turn["output"]["text"] == "The files hold numbers."]
    assert 2 < len(summaries) < FILES / 3
    assert len(turns) == FILES + 1 + len(summaries)
    assert max(turn["usage"]["input_tokens"] for turn in turns) < 6000


async def answers(run: Run) -> list[dict[str, Any]]:
    """What the model calls of a run gave, as its history has it."""
    found: list[dict[str, Any]] = []
    for event in (await run.handle.fetch_history()).events:
        if event.HasField("activity_task_completed_event_attributes"):
            payloads = event.activity_task_completed_event_attributes.result.payloads
            result = json.loads(payloads[0].data)
            found += [result] if "usage" in result else []
    return found
