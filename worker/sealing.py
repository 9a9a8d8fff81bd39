"""Seals on their way: set on what our runs ask for, demanded of what asks us to act.

Whoever can write to the namespace can schedule our activities, go on as one of our runs, or take a run's task
from our queue and record whatever it likes. Nothing of that carries a seal, and without one nothing is done.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.worker import (
    ActivityInboundInterceptor,
    ContinueAsNewInput,
    Interceptor,
    StartActivityInput,
    StartChildWorkflowInput,
    StartLocalActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

from activities.seal import (
    SealKeys,
    activity_claim,
    admission_claim,
    carry_claim,
    child_claim,
    digest_of,
    digest_of_payloads,
    from_text,
    lease_claim,
)
from worker.seal_gate import Gate
from workflows.contracts.names import ADMIT, HISTORY_HEADER, LEASES, SEAL_HEADER

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

ENCODING = {"encoding": b"binary/plain"}


@dataclass(frozen=True)
class Sealing(Interceptor):
    """The worker's interceptor, with the deployment's keys."""

    seals: SealKeys

    def intercept_activity(self, inner: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Put the demand for a seal before every activity."""
        return Gate(inner, self.seals)

    def workflow_interceptor_class(self, given: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        """Have every workflow of this worker seal what it asks for, once it was admitted."""
        del given
        seals = self.seals

        class SealedRun(WorkflowInboundInterceptor):
            """One run; only its way out is looked at."""

            def init(self, outbound: WorkflowOutboundInterceptor) -> None:
                super().init(Sealer(outbound, seals))

        return SealedRun


class Sealer(WorkflowOutboundInterceptor):
    """Seals what a run asks for, if a worker with the key admitted it.

    A task of the run may have been done by anybody, so the card that is found in its history is believed only
    with its seal, and nothing that is said later makes good what the run has believed before. Nothing here changes
    what is commanded, so a worker with other keys, or none, replays the same.
    """

    def __init__(self, inner: WorkflowOutboundInterceptor, seals: SealKeys) -> None:
        super().__init__(inner)
        self._seals = seals
        self._admitted = False
        self._forged = False

    def start_local_activity(self, given: StartLocalActivityInput) -> workflow.ActivityHandle[Any]:
        """Watch what `run.admit` says, and what a tenant's ledger does."""
        if given.activity in LEASES:
            return self._start_lease(given)
        handle = self.next.start_local_activity(given)
        if given.activity == ADMIT:
            request = digest_of(given.args[0])
            handle.add_done_callback(lambda done: self._look(request, done))
        return handle

    def _look(self, request: str, done: asyncio.Task[Any]) -> None:
        if done.cancelled() or done.exception() is not None:
            return
        result, info = done.result(), workflow.info()
        said = result if isinstance(result, dict) else {}
        claim = admission_claim(namespace=info.namespace, workflow_id=info.workflow_id, request=request, result=said)
        self._judge(holds=self._seals.holds("admission", claim, from_text(said.get("seal"))), admitted=True)

    def _judge(self, *, holds: bool, admitted: bool) -> None:
        """Seal nothing more once anything in this history was said by somebody else."""
        self._forged = self._forged or not holds
        self._admitted = (self._admitted or admitted) and not self._forged

    def _start_lease(self, given: StartLocalActivityInput) -> workflow.ActivityHandle[Any]:
        """Tell which history asks; `run_id` is another one after a reset, and replies from before still count."""
        history = workflow.info().original_execution_run_id
        said = {HISTORY_HEADER: Payload(metadata=ENCODING, data=history.encode())}
        handle = self.next.start_local_activity(replace(given, headers={**given.headers, **said}))
        handle.add_done_callback(lambda done: self._look_at_lease(given, history, done))
        return handle

    def _look_at_lease(self, given: StartLocalActivityInput, history: str, done: asyncio.Task[Any]) -> None:
        """Whether it was the tenant's ledger that said this."""
        if done.cancelled() or done.exception() is not None:
            return
        result, info = done.result(), workflow.info()
        reply = result if isinstance(result, dict) else {}
        claim = lease_claim(
            namespace=info.namespace,
            workflow_id=info.workflow_id,
            history=history,
            activity_id=given.activity_id or "",
            asked=given.args[0],
            reply=reply,
        )
        self._judge(holds=self._seals.holds("lease", claim, from_text(reply.get("seal"))), admitted=False)

    def start_activity(self, given: StartActivityInput) -> workflow.ActivityHandle[Any]:
        """Seal an activity; its arguments are turned into bytes here, once."""
        if self._admitted and given.activity_id is not None:
            payloads = workflow.payload_converter().to_payloads(given.args)
            info = workflow.info()
            claim = activity_claim(
                namespace=info.namespace,
                workflow_id=info.workflow_id,
                run_id=info.run_id,
                activity_id=given.activity_id,
                activity=given.activity,
                given=digest_of_payloads(payloads),
            )
            header = _header(self._seals.seal("activity", claim))
            args = [RawValue(payload) for payload in payloads]
            given = replace(given, args=args, headers={**given.headers, **header})
        return self.next.start_activity(given)

    def continue_as_new(self, given: ContinueAsNewInput) -> NoReturn:
        """Seal a carry; the next history shows it to `run.admit`."""
        if self._admitted:
            info = workflow.info()
            value, args = _as_sent(given.args)
            claim = carry_claim(
                namespace=info.namespace,
                workflow_id=info.workflow_id,
                first_run_id=info.first_execution_run_id,
                run_id=info.run_id,
                next_input=value,
            )
            header = _header(self._seals.seal("carry", claim))
            given = replace(given, args=args, headers={**given.headers, **header})
        self.next.continue_as_new(given)

    async def start_child_workflow(self, given: StartChildWorkflowInput) -> workflow.ChildWorkflowHandle[Any, Any]:
        """Seal a child's start."""
        if self._admitted:
            info = workflow.info()
            value, args = _as_sent(given.args)
            claim = child_claim(
                namespace=info.namespace,
                parent_id=info.workflow_id,
                parent_run_id=info.run_id,
                workflow_id=given.id,
                child_input=value,
            )
            header = _header(self._seals.seal("child", claim))
            given = replace(given, args=args, headers={**given.headers, **header})
        return await self.next.start_child_workflow(given)


def _header(seal: bytes) -> dict[str, Payload]:
    return {SEAL_HEADER: Payload(metadata=ENCODING, data=seal)}


def _as_sent(args: Sequence[Any]) -> tuple[Any, list[RawValue]]:
    """The one argument as its receiver will read it, and what to send so that it does."""
    converter = workflow.payload_converter()
    (payload,) = converter.to_payloads(args)
    return converter.from_payload(payload), [RawValue(payload)]
