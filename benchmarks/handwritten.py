"""The other side of the comparison: what one would write by hand for the same steps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from pydantic import BaseModel
from temporalio import activity, workflow
from temporalio.common import RetryPolicy

WORKFLOW = "HandWritten"
ACTIVITY = "hand.read"
ATTEMPT = timedelta(seconds=60)
HEARTBEAT = timedelta(seconds=2)
"""Both as Detent has them (workflows/shell/options.py, and `timeout` in the benchmark's graph)."""


class Steps(BaseModel):
    """The workflow's argument: how many steps, and the file that each reads."""

    count: int
    path: str


class Read(BaseModel):
    """The activity's argument."""

    path: str


@workflow.defn(name=WORKFLOW)
class HandWritten:
    """Reads a file so many times, one activity after the other."""

    @workflow.run
    async def run(self, steps: Steps) -> str:
        """The text that was read last."""
        text = ""
        for step in range(steps.count):
            result: dict[str, object] = await workflow.execute_activity(
                ACTIVITY,
                Read(path=steps.path),
                start_to_close_timeout=ATTEMPT,
                heartbeat_timeout=HEARTBEAT,
                retry_policy=RetryPolicy(
                    initial_interval=timedelta(seconds=0.2), maximum_interval=timedelta(seconds=30), maximum_attempts=4
                ),
                summary=f"step {step} {steps.path}",
                result_type=dict[str, object],
            )
            text = str(result["text"])
        return text


def activity_around(read: Callable[[str], Awaitable[object]]) -> Callable[..., Awaitable[object]]:
    """The activity that does nothing but call the tool's own code."""

    @activity.defn(name=ACTIVITY)
    async def hand_read(args: Read) -> object:
        return await read(args.path)

    return hand_read
