"""What lists print: runs and pauses, a row each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.contracts.pause import PauseView
from workflows.contracts.run import Phase
from workflows.contracts.wire import Wire

if TYPE_CHECKING:
    from temporalio.client import WorkflowExecution


class RunRow(Wire):
    """A run in a list, from what the server's index knows. Times are RFC 3339."""

    id: str
    run_id: str
    graph: str
    tenant: str
    phase: Phase
    pending: int
    tokens: int
    cost_usd: float
    started_at: str
    ended_at: str | None


class PauseRow(PauseView):
    """An open pause with the run that it is of."""

    run: str


def indexed(found: WorkflowExecution) -> dict[str, object]:
    """A run's search attributes by name."""
    return {pair.key.name: pair.value for pair in found.typed_search_attributes}
