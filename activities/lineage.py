"""Where a run comes from: a carry or a child is believed only by the seal of the run before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from activities.run_input import refused
from activities.seal import SealKeys, carry_claim, child_claim, from_text
from workflows.contracts.failures import FailureType

if TYPE_CHECKING:
    from workflows.contracts.admission import AdmitRequest

REMEDY = "only a worker with the deployment's key can vouch for it (`DETENT_SEAL_KEY`, docs/operations.md)"


def is_carried(request: AdmitRequest) -> bool:
    """Whether the input says that it goes on from an earlier history."""
    return isinstance(request.run, dict) and request.run.get("carry") is not None


def check_carry(request: AdmitRequest, seals: SealKeys, namespace: str, workflow_id: str) -> None:
    """Refuse a carry that the history before this one did not seal, as `ForgedInput`."""
    if request.continued_run_id is None:
        message = "`carry` in the input of a run that continues no other"
        raise refused(FailureType.FORGED_INPUT, message)
    claim = carry_claim(
        namespace=namespace,
        workflow_id=workflow_id,
        first_run_id=request.first_run_id,
        run_id=request.continued_run_id,
        next_input=request.run,
    )
    if not seals.holds("carry", claim, from_text(request.seal)):
        message = f"the carry is not sealed by the history before this one: {REMEDY}"
        raise refused(FailureType.FORGED_INPUT, message)


def check_parent(request: AdmitRequest, seals: SealKeys, namespace: str, workflow_id: str) -> None:
    """Refuse a child that its parent did not seal, as `ForgedInput`; a run without a parent passes."""
    if request.parent is None:
        return
    claim = child_claim(
        namespace=namespace,
        parent_id=request.parent.workflow_id,
        parent_run_id=request.parent.run_id,
        workflow_id=workflow_id,
        child_input=request.run,
    )
    if not seals.holds("child", claim, from_text(request.seal)):
        message = f"the run is a child of `{request.parent.workflow_id}`, which did not seal its start: {REMEDY}"
        raise refused(FailureType.FORGED_INPUT, message)
