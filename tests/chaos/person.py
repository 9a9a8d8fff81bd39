"""A person who answers pauses over an unreliable line: each answer is sent until it is acknowledged, under one id."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from temporalio.client import (
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError

from workflows.contracts.names import QUERY_PAUSES, UPDATE_ANSWER
from workflows.contracts.pause import AnswerReceipt, PauseView

if TYPE_CHECKING:
    from pathlib import Path

    from temporalio.client import Client, WorkflowHandle

    from tests.chaos.ground import Ground

PATIENCE = timedelta(seconds=2)
LOOK_S = 0.05
UNHEARD = (RPCError, WorkflowQueryFailedError, WorkflowUpdateRPCTimeoutOrCancelledError)
"""Nobody can tell whether it arrived, or there was no run to ask yet."""
NOT_YET = "there is no open pause"
"""A worker that was then killed showed the question before its task was recorded; the next one will ask it, too."""
HUMAN = "on_human_node"
UNCERTAIN = "on_uncertain"


@dataclass
class Person:
    """Answers everything that one run asks, and remembers what was asked and what was acknowledged.

    `journal_began` is how many bytes the journal had before the run: older lines are of other runs.
    """

    at: Ground
    run: str
    chance: random.Random
    journal_began: int
    asked: dict[str, PauseView] = field(default_factory=dict)
    acknowledged: dict[str, AnswerReceipt] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    @property
    def client(self) -> Client:
        """The client of the ground."""
        return self.at.client

    async def attend(self) -> None:
        """Look for pauses and answer each, until cancelled."""
        answering: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                for pause in await self._pauses():
                    if pause.id not in answering:
                        self.asked[pause.id] = pause
                        answering[pause.id] = asyncio.create_task(self._answer(pause))
                await asyncio.sleep(LOOK_S)
        finally:
            for task in answering.values():
                task.cancel()
            await asyncio.gather(*answering.values(), return_exceptions=True)

    async def _pauses(self) -> list[PauseView]:
        handle: WorkflowHandle[object, object] = self.client.get_workflow_handle(self.run)
        try:
            found: list[PauseView] = await handle.query(QUERY_PAUSES, result_type=list[PauseView], rpc_timeout=PATIENCE)
        except UNHEARD:  # nobody there just now
            return []
        return found

    async def _answer(self, pause: PauseView) -> None:
        await asyncio.sleep(self.chance.uniform(0, 0.2))
        answer = {"v": 1, "pause": pause.id, "digest": pause.digest, "by": f"{self.run} {pause.id}", **self._say(pause)}
        handle: WorkflowHandle[object, object] = self.client.get_workflow_handle(self.run)
        while pause.id not in self.acknowledged:
            try:
                receipt = await handle.execute_update(
                    UPDATE_ANSWER, answer, id=f"answer:{pause.id}", result_type=AnswerReceipt, rpc_timeout=PATIENCE
                )
            except WorkflowUpdateFailedError as error:
                if NOT_YET in str(error.cause):
                    await asyncio.sleep(LOOK_S)
                    continue
                self.refused.append(f"{pause.id}: {error.cause}")
                return
            except UNHEARD:
                await asyncio.sleep(LOOK_S)
            else:
                self.acknowledged[pause.id] = receipt

    def _say(self, pause: PauseView) -> dict[str, object]:
        """Yes or no to a question; after a lost call, what a look into the journal says."""
        if pause.triggers[0] == HUMAN:
            return {"outcome": self.chance.choice(["yes", "no"])}
        if pause.triggers[0] == UNCERTAIN and pause.call is not None:
            item = dict(pause.call.args)["item"]
            made = any(line["item"] == item for line in lines(self.at.journal, self.journal_began))
            return {"outcome": "complete", "data": {"result": {"item": item}}} if made else {"outcome": "retry"}
        return {"outcome": "retry"}


def lines(file: Path, begin: int = 0) -> list[dict[str, object]]:
    """The JSON lines of a file from a byte on."""
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_bytes()[begin:].splitlines()]


def size(file: Path) -> int:
    """Bytes in a file; 0 without one."""
    return file.stat().st_size if file.exists() else 0
