"""The demand for a seal: an activity that our own admitted run did not ask for is not begun."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NoReturn

from temporalio import activity
from temporalio.common import RawValue
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.failures import failure, with_attempt
from activities.seal import SealKeys, activity_claim, as_text, digest_of_payloads, lease_claim
from workflows.contracts.failures import FailureType
from workflows.contracts.names import HISTORY_HEADER, LEASES, SEAL_HEADER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from temporalio.api.common.v1 import Payload

    from workflows.contracts.leases import Reply

log = logging.getLogger(__name__)

UNSEALED = (
    "`{activity}`: only a run that this deployment's workers admitted may ask for it, and this one shows no seal of "
    'theirs; if it is such a run, give all workers the same DETENT_SEAL_KEY (docs/operations.md, "Seal keys")'
)


class Gate(ActivityInboundInterceptor):
    """Refuses activities without the seal of the run that they say they are of, before anything of them is read."""

    def __init__(self, inner: ActivityInboundInterceptor, seals: SealKeys) -> None:
        super().__init__(inner)
        self._seals = seals

    async def execute_activity(self, given: ExecuteActivityInput) -> Any:  # noqa: ANN401 - whatever the activity gives
        """Go on if the seal holds; else `Unsealed`, which is never tried again. Our own local activities need none."""
        info = activity.info()
        if not info.is_local:
            self._check(info, given)
        result = await self.next.execute_activity(given)
        return self._sealed(info, given, result) if info.activity_type in LEASES else result

    def _sealed(self, info: activity.Info, given: ExecuteActivityInput, reply: Reply) -> dict[str, object]:
        """The reply of a tenant's ledger under seal: what a history says of it may be anybody's word."""
        history, said = given.headers.get(HISTORY_HEADER), reply.model_dump(mode="json")
        claim = lease_claim(
            namespace=info.namespace,
            workflow_id=info.workflow_id,
            history=history.data.decode() if history else "",
            activity_id=info.activity_id,
            asked=given.args[0],
            reply=said,
        )
        return {**said, "seal": as_text(self._seals.seal("lease", claim))}

    def _check(self, info: activity.Info, given: ExecuteActivityInput) -> None:
        header = given.headers.get(SEAL_HEADER)
        claim = activity_claim(
            namespace=info.namespace,
            workflow_id=info.workflow_id,
            run_id=info.workflow_run_id,
            activity_id=info.activity_id,
            activity=info.activity_type,
            given=digest_of_payloads(_payloads(given.args)),
        )
        if not self._seals.holds("activity", claim, header.data if header else None):
            _refuse(info, "no seal" if header is None else "a wrong seal")


def _refuse(info: activity.Info, why: str) -> NoReturn:
    log.warning(
        "unsealed activity refused (%s): type %r, id %r, workflow %r, run %r, namespace %r",
        *(why, info.activity_type, info.activity_id, info.workflow_id, info.workflow_run_id, info.namespace),
    )
    message = UNSEALED.format(activity=info.activity_type)
    raise with_attempt(failure(FailureType.UNSEALED, message, details={"billed": "no"}), info.attempt)


def _payloads(args: Sequence[Any]) -> list[Payload]:
    """The arguments as they came. A dynamic activity has them as raw values in a list, others decoded."""
    flat = args[0] if len(args) == 1 and isinstance(args[0], list | tuple) and _all_raw(args[0]) else args
    return activity.payload_converter().to_payloads(flat)


def _all_raw(values: Sequence[Any]) -> bool:
    return all(isinstance(value, RawValue) for value in values)
