"""Model calls as Temporal repeats them and as its history records them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import RetryPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.models.call import call_model
from activities.models.catalogue import Catalogue, load_catalogue
from tests.support.anthropic_server import Answer, AnthropicServer
from tests.support.model_calls import means_of, model_args, model_call
from workflows.contracts.calls import Call, CallResult

KEY = "sk-ant-canary-0123456789+/=abcdef"
BUSY = """
replies:
  - {default: true, error: {status: 529, retry_after: 100ms}, times: 2}
  - {default: true, text: done}
"""


@workflow.defn
class OneCall:
    """Makes one model call, with as many attempts as Temporal likes."""

    @workflow.run
    async def run(self, name: str, call: Call) -> CallResult:
        result: CallResult = await workflow.execute_activity(
            name,
            call,
            result_type=CallResult,
            start_to_close_timeout=timedelta(seconds=30),
            heartbeat_timeout=timedelta(seconds=5),
            retry_policy=RetryPolicy(maximum_attempts=4, initial_interval=timedelta(milliseconds=10)),
        )
        return result


def worker_of(client: Client, task_queue: str, catalogue: Catalogue, provider: str) -> Worker:
    means = means_of(catalogue)

    @activity.defn(name=f"model.{provider}")
    async def call(given: Call) -> CallResult:
        return await call_model(means, provider, given, lambda *told, tool=None: activity.heartbeat(*told, tool))

    return Worker(
        client,
        task_queue=task_queue,
        workflows=[OneCall],
        activities=[call],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )


async def start(client: Client, task_queue: str, provider: str, call: Call) -> WorkflowHandle[OneCall, CallResult]:
    return await client.start_workflow(
        OneCall.run, args=[f"model.{provider}", call], id=f"call-{task_queue}", task_queue=task_queue
    )


async def test_scripted_errors_give_way_over_retries_and_restarted_workers(
    temporal_client: Client, task_queue: str, tmp_path: Path
) -> None:
    (tmp_path / "replies.yaml").write_text(BUSY)
    file, journal = tmp_path / "models.yaml", tmp_path / "served.jsonl"
    file.write_text("models: {default: {provider: scripted, script: replies.yaml, journal: served.jsonl}}")
    run = await start(temporal_client, task_queue, "scripted", model_call(model_args(model="scripted")))
    lines: list[dict[str, object]] = []
    while not lines or lines[-1]["billed"] is False:
        async with worker_of(temporal_client, task_queue, load_catalogue(file, None, environ={}), "scripted"):
            seen = len(lines)
            while len(lines) == seen:
                await run.describe()
                lines = [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []
            if lines[-1]["billed"]:
                assert (await run.result()).output["text"] == "done"
    assert [(line["attempt"], line["billed"]) for line in lines] == [(1, False), (2, False), (3, True)]


@pytest.mark.parametrize("status", [200, 401, 429])
async def test_key_is_in_no_history(temporal_client: Client, task_queue: str, tmp_path: Path, status: int) -> None:
    file = tmp_path / "models.yaml"
    async with AnthropicServer(Answer(status=status, parts=[KEY[:9], KEY[9:]], message=KEY)) as server:
        entry = f"provider: anthropic, model: claude-haiku-4-5, base_url: '{server.url}', api_key: env:CANARY"
        file.write_text(f"models: {{default: {{{entry}}}}}")
        catalogue = load_catalogue(file, None, environ={"CANARY": KEY})
        async with worker_of(temporal_client, task_queue, catalogue, "anthropic"):
            run = await start(temporal_client, task_queue, "anthropic", model_call(model_args()))
            if status == 200:
                assert (await run.result()).output["text"] == "[redacted]"
            else:
                with pytest.raises(WorkflowFailureError):
                    await run.result()
        await catalogue.close()
    assert len(server.requests) == (4 if status == 429 else 1)
    assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in server.requests)
    history = b"".join(event.SerializeToString() for event in (await run.fetch_history()).events)
    assert b"Review this." in history  # the bytes are those that were said, not an encoding of them
    assert KEY.encode() not in history
