"""Calls over a real server: kept alive, cancelled in time, refused by name."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.dispatch import Dispatch, Reach
from activities.tools.declare import Effect, Risk, ToolContext, tool
from policies.document import parse_policy
from tests.support.calls import call, card_digest, reach
from worker.compose import HEARTBEAT_GRAIN
from worker.connect import Target, connect
from workflows.contracts.failures import FailureType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from worker.server import EmbeddedServer

pytestmark = pytest.mark.server
POLICY = parse_policy(
    {"policy": "all", "version": 1, "tenants": {"default": {"allow": [{"tool": ["*"]}, {"fs.read": ["**"]}]}}}
)
ATTEMPTS: list[int] = []


@tool("test.sleep", effect=Effect.READ, risk=Risk.LOW, timeout="60s")
async def sleep(context: ToolContext, seconds: float) -> str:
    """Sleep."""
    ATTEMPTS.append(context.attempt)
    context.heartbeat("asleep")
    await asyncio.sleep(seconds)
    return "awake"


@tool("test.large", effect=Effect.READ, risk=Risk.LOW, timeout="60s")
async def large(context: ToolContext, size: int) -> str:
    """Give much."""
    ATTEMPTS.append(context.attempt)
    return "x" * size


@workflow.defn(name="OneCall", sandboxed=False)
class OneCall:
    """Schedules one activity by its name, as anybody with access to the namespace can."""

    @workflow.run
    async def run(self, made: dict[str, Any], heartbeat_s: float) -> Any:  # noqa: ANN401  whatever comes back
        return await workflow.execute_activity(
            made["name"],
            made,
            start_to_close_timeout=timedelta(seconds=30),
            heartbeat_timeout=timedelta(seconds=heartbeat_s),
            retry_policy=RetryPolicy(maximum_attempts=3, initial_interval=timedelta(milliseconds=10)),
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )


@pytest.fixture(autouse=True)
def _fresh() -> None:
    ATTEMPTS.clear()


@asynccontextmanager
async def serving(parts: Reach, server: EmbeddedServer, task_queue: str) -> AsyncIterator[Client]:
    client = await connect(Target(server.address), parts.blobs)
    async with Worker(
        client,
        task_queue=task_queue,
        workflows=[OneCall],
        activities=[Dispatch(parts).dispatch],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_heartbeat_throttle_interval=HEARTBEAT_GRAIN,
        default_heartbeat_throttle_interval=HEARTBEAT_GRAIN,
    ):
        yield client


def decided(parts: Reach, name: str, args: dict[str, Any]) -> dict[str, Any]:
    return call(name, args, card_digest(parts, name))


async def cause_of(client: Client, task_queue: str, made: dict[str, Any], key: str = "k") -> ApplicationError:
    with pytest.raises(WorkflowFailureError) as caught:
        await client.execute_workflow(
            "OneCall", args=[made, 5], id=f"default/{task_queue}/{key}", task_queue=task_queue
        )
    assert isinstance(caught.value.cause, ActivityError)
    assert isinstance(caught.value.cause.cause, ApplicationError)
    return caught.value.cause.cause


async def test_a_long_call_is_kept_alive(tmp_path: Path, temporal_server: EmbeddedServer, task_queue: str) -> None:
    parts = reach(tmp_path, sleep, policy=POLICY)
    async with serving(parts, temporal_server, task_queue) as client:
        made = decided(parts, "test.sleep", {"seconds": 2.6})
        result = await client.execute_workflow(
            "OneCall", args=[made, 2], id=f"default/{task_queue}/k", task_queue=task_queue
        )
    assert result["output"] == "awake"
    assert ATTEMPTS == [1]


async def test_what_a_call_says_is_seen_with_its_attempt(
    tmp_path: Path, temporal_server: EmbeddedServer, task_queue: str
) -> None:
    parts = reach(tmp_path, sleep, policy=POLICY)
    async with serving(parts, temporal_server, task_queue) as client:
        made = decided(parts, "test.sleep", {"seconds": 0.6})
        handle = await client.start_workflow(
            "OneCall", args=[made, 2], id=f"default/{task_queue}/k", task_queue=task_queue
        )
        await asyncio.sleep(0.4)
        (pending,) = (await handle.describe()).raw_description.pending_activities
        (details,) = await client.data_converter.decode(list(pending.heartbeat_details.payloads))
        await handle.result()
    assert details == {"attempt": 1, "progress": ["asleep"]}


async def test_a_cancel_reaches_a_call_by_the_next_beat(
    tmp_path: Path, temporal_server: EmbeddedServer, task_queue: str
) -> None:
    parts = reach(tmp_path, sleep, policy=POLICY)
    async with serving(parts, temporal_server, task_queue) as client:
        made = decided(parts, "test.sleep", {"seconds": 20})
        handle = await client.start_workflow(
            "OneCall", args=[made, 5], id=f"default/{task_queue}/k", task_queue=task_queue
        )
        await asyncio.sleep(0.3)
        await handle.cancel()
        began = time.monotonic()
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    assert isinstance(caught.value.cause, CancelledError)
    assert time.monotonic() - began < 5


async def test_a_result_that_is_too_large_is_told_in_one_attempt(
    tmp_path: Path, temporal_server: EmbeddedServer, task_queue: str
) -> None:
    parts = reach(tmp_path, large, policy=POLICY)
    async with serving(parts, temporal_server, task_queue) as client:
        error = await cause_of(client, task_queue, decided(parts, "test.large", {"size": 5_000_000}))
        most = decided(parts, "test.large", {"size": 1024 * 1024 - 2})
        result = await client.execute_workflow(
            "OneCall", args=[most, 5], id=f"default/{task_queue}/m", task_queue=task_queue
        )
    assert error.type == FailureType.RESULT_TOO_LARGE
    assert ATTEMPTS == [1, 1]
    assert len(result["output"]) == 1024 * 1024 - 2


async def test_a_strangers_workflow_gets_no_further_than_the_edge(
    tmp_path: Path, temporal_server: EmbeddedServer, task_queue: str
) -> None:
    parts = reach(tmp_path, policy=POLICY)
    (tmp_path / "work" / "a.txt").write_text("secret", encoding="utf-8")
    async with serving(parts, temporal_server, task_queue) as client:
        undecided = {**decided(parts, "fs.read", {"path": "b.txt"}), "args": {"path": "a.txt"}}
        error = await cause_of(client, task_queue, undecided)
        ungranted = await cause_of(client, task_queue, decided(parts, "fs.write", {"path": "a", "text": ""}), "w")
    assert error.type == FailureType.POLICY_DENIED
    assert ungranted.type == FailureType.POLICY_DRIFT  # the stranger names another policy than this worker has
    assert (tmp_path / "work" / "a.txt").read_text(encoding="utf-8") == "secret"


async def test_an_error_of_a_tool_carries_no_stack(
    tmp_path: Path, temporal_server: EmbeddedServer, task_queue: str
) -> None:
    parts = reach(tmp_path, policy=POLICY)
    async with serving(parts, temporal_server, task_queue) as client:
        error = await cause_of(client, task_queue, decided(parts, "fs.read", {"path": "nowhere.txt"}))
        history = await client.get_workflow_handle(f"default/{task_queue}/k").fetch_history()
    assert error.type == FailureType.TOOL_FAILED
    assert "`nowhere.txt`" in error.message
    assert str(Path(activity.__file__).parent) not in history.to_json()
    assert str(tmp_path) not in history.to_json()
