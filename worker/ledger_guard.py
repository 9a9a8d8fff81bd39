"""The door of the tenants' ledgers: only what a worker of this deployment sealed comes in, and answers go out sealed.

A message without its seal is refused where Temporal asks whether an update is to be accepted: that is never asked
again, leaves no trace, and is no part of what replay depends on. A stranger that does a ledger's tasks can accept
anything; a history that holds such a message is found out when its updates are done again, and from then on nothing
of it is sealed: its answers are not believed, its book is not carried over.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    HandleUpdateInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

from activities.ledger_messages import is_sealed, place, with_seal
from activities.seal import SealKeys
from worker.sealing import Sealer, Sealing
from workflows.contracts.failures import FailureType

if TYPE_CHECKING:
    from typing import NoReturn

    from temporalio.worker import ContinueAsNewInput

log = logging.getLogger(__name__)

UNSEALED = "the tenant's ledger takes messages of its deployment's workers only, and this one shows no seal of theirs"


@dataclass(frozen=True)
class LedgerGuard(Sealing):
    """The interceptor of the worker that keeps ledgers, with the deployment's keys."""

    def workflow_interceptor_class(self, given: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        """Stand before every ledger of this worker."""
        del given
        seals = self.seals

        class Guarded(LedgerDoor):
            """One ledger."""

            keys = seals

        return Guarded


class LedgerDoor(WorkflowInboundInterceptor):
    """Asks every update for its seal, and seals the answers while all of them had one."""

    keys: SealKeys
    _outbound: LedgerSealer

    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        """Seal the way out, too."""
        self._outbound = LedgerSealer(outbound, self.keys)
        super().init(self._outbound)

    def handle_update_validator(self, given: HandleUpdateInput) -> None:
        """Refuse what is not sealed, without a trace."""
        if not self._is_sealed(given):
            log.warning("unsealed message refused: update %r of %r", given.update, workflow.info().workflow_id)
            raise ApplicationError(UNSEALED, type=FailureType.UNSEALED, non_retryable=True)
        super().handle_update_validator(given)

    async def handle_update_handler(self, given: HandleUpdateInput) -> Any:  # noqa: ANN401 - what the handler gives
        """Seal the answer, if everything that this history took in was sealed."""
        if not self._is_sealed(given):
            self._outbound.spoiled = True
        result = await super().handle_update_handler(given)
        if self._outbound.spoiled or not self._outbound.admitted:
            return result
        info = workflow.info()
        where = place(info.namespace, info.workflow_id, given.id, answer=True)
        return with_seal(self.keys, result.model_dump(mode="json"), where)

    def _is_sealed(self, given: HandleUpdateInput) -> bool:
        info = workflow.info()
        where = place(info.namespace, info.workflow_id, given.id, answer=False)
        return len(given.args) == 1 and is_sealed(self.keys, given.args[0], where)


class LedgerSealer(Sealer):
    """Seals the book that a ledger hands on, unless its history was `spoiled`."""

    spoiled = False

    @property
    def admitted(self) -> bool:
        """Whether the ledger began as it should."""
        return self._admitted

    def continue_as_new(self, given: ContinueAsNewInput) -> NoReturn:
        """Hand the book on."""
        if self.spoiled:
            self._admitted = False
        super().continue_as_new(given)
