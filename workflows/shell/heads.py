"""Heads of the audit, told to the server at pauses and at the end, and signed where the policy wants that.

A signature is made by a function that the worker puts here. It goes only into the memo and the result, which
replay compares with nothing: a worker without the key replays the run all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from temporalio import workflow

from policies.audit_heads import head_bytes
from workflows.contracts.names import MEMO_AUDIT

if TYPE_CHECKING:
    from workflows.contracts.run import AuditView, RunView
    from workflows.engine.engine import Engine


Sign: TypeAlias = Callable[[bytes], tuple[str, str]]
"""Signs bytes; gives the public key and the signature."""


@dataclass(slots=True)
class _Worker:
    sign: Sign | None = None


_worker = _Worker()


def sign_with(sign: Sign | None) -> None:
    """Let heads be signed by this function from now on, or by none; for the worker, once, before it polls."""
    _worker.sign = sign


def tell(engine: Engine) -> None:
    """Put the head into the memo, where it can be read without a worker."""
    audit = signed(engine)
    workflow.upsert_memo({MEMO_AUDIT: audit.model_dump(mode="json", exclude_none=True)})


def closing(engine: Engine) -> RunView:
    """The last view of a run, with its head signed."""
    return engine.view().model_copy(update={"audit": signed(engine)})


def signed(engine: Engine) -> AuditView:
    """The head as it stands, signed if the policy wants that and the worker can."""
    audit = engine.audit
    if not engine.signs_audit or _worker.sign is None:
        return audit
    info = workflow.info()
    data = head_bytes(
        namespace=info.namespace,
        workflow_id=info.workflow_id,
        first_run_id=info.first_execution_run_id,
        seq=audit.seq,
        head=audit.head,
    )
    key, signature = _worker.sign(data)
    return audit.model_copy(update={"key": key, "signature": signature})
