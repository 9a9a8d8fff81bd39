"""What a closed run used, read in its history."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from temporalio.client import WorkflowExecutionStatus

from policies.budget import Amount
from policies.units import NANO
from workflows.contracts.names import QUERY_VIEW
from workflows.contracts.run import RunView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from temporalio.client import Client
PATIENCE = timedelta(seconds=3)


async def used_by(client: Client, workflow_id: str, run_id: str) -> Amount | None:
    """All that a run used, with what its calls in flight may have used; null while it is open.

    The history is replayed for that, so it holds for a run that was terminated as well as for one that ended.
    """
    handle = client.get_workflow_handle(workflow_id, run_id=run_id)
    described = await handle.describe(rpc_timeout=PATIENCE)
    if described.status is WorkflowExecutionStatus.RUNNING:
        return None
    view = RunView.model_validate(await handle.query(QUERY_VIEW, rpc_timeout=PATIENCE))
    budget = view.budget["lifetime"]
    return _amount(budget.used) + _amount(budget.reserved)


def _amount(found: Mapping[str, int | float]) -> Amount:
    return Amount(
        tokens=int(found.get("tokens", 0)),
        cost_nano=round(found.get("cost_usd", 0) * NANO),
        steps=int(found.get("steps", 0)),
        tool_calls=int(found.get("tool_calls", 0)),
    )
