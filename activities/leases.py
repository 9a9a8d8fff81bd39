"""The local activities by which a run takes leases of its tenant's budget and gives them back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from temporalio import activity

from activities.failures import failure
from activities.lineage import check_carry, is_carried
from activities.run_input import invalid, refused
from activities.seal import SealKeys, admission_claim, as_text, digest_of
from policies.errors import Problem
from policies.windows import Window
from workflows.contracts.admission import AdmitRequest
from workflows.contracts.failures import FailureType
from workflows.contracts.leases import Ask, Back, Reply, WindowLimits
from workflows.contracts.names import ADMIT, LEASE, SETTLE


class LedgerUnreachable(Exception):
    """The tenant's ledger did not answer, or not in a way that can be believed; the message says why."""


class Ledgers(Protocol):
    """The way to the tenants' ledgers."""

    async def tell(self, tenant: str, message: Ask | Back) -> Reply:
        """What the tenant's ledger says to a message; `LedgerUnreachable` if it says nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Leases:
    """What a worker knows of budgets: the windows of its own policy, by tenant, and the way to the ledgers."""

    ledgers: Ledgers
    windows: Mapping[str, tuple[Window, ...]]

    @activity.defn(name=LEASE)
    async def lease(self, raw: dict[str, Any]) -> Reply:
        """Ask for a lease. The windows of the worker's policy hold beside those that the run was admitted under."""
        tenant, run = _of_run()
        ask = Ask.model_validate({**raw, **run})
        mine = tuple(WindowLimits.of(window) for window in self.windows.get(tenant, ()))
        windows = tuple(dict.fromkeys((*ask.windows, *mine)))
        return await self._tell(tenant, ask.model_copy(update={"windows": windows}))

    @activity.defn(name=SETTLE)
    async def settle(self, raw: dict[str, Any]) -> Reply:
        """Give a lease back."""
        tenant, run = _of_run()
        return await self._tell(tenant, Back.model_validate({**raw, **run}))

    async def _tell(self, tenant: str, message: Ask | Back) -> Reply:
        try:
            return await self.ledgers.tell(tenant, message)
        except LedgerUnreachable as error:
            raise failure(FailureType.INTERNAL, str(error)) from None


def _of_run() -> tuple[str, dict[str, object]]:
    """Whose run asks: Temporal says so, and not the run. Only the workflow code of this very worker may ask."""
    info = activity.info()
    if not info.is_local:
        raise failure(FailureType.UNSEALED, f"`{info.activity_type}` is for the worker's own runs: nobody schedules it")
    workflow_id = info.workflow_id or ""
    return workflow_id.partition("/")[0], {"workflow_id": workflow_id, "run_id": info.workflow_run_id or ""}


@dataclass(frozen=True, slots=True)
class LedgerAdmission:
    """Lets a ledger begin: with an empty book, or with the one that its history before has sealed."""

    seals: SealKeys
    namespace: str

    @activity.defn(name=ADMIT)
    async def admit(self, raw: dict[str, Any]) -> dict[str, object]:
        """A sealed nothing; `ForgedInput` for a book that comes from anywhere else."""
        request, info = AdmitRequest.model_validate(raw), activity.info()
        workflow_id = info.workflow_id or ""
        if is_carried(request):
            check_carry(request, self.seals, self.namespace, workflow_id)
        elif request.run is not None:
            raise invalid([Problem("ledger", "a ledger is started with nothing", "", "leave that to the workers")])
        elif request.continued_run_id is not None:
            raise refused(FailureType.FORGED_INPUT, "a ledger that goes on from another brings its book")
        result: dict[str, object] = {"v": request.v}
        claim = admission_claim(
            namespace=info.namespace, workflow_id=workflow_id, request=digest_of(raw), result=result
        )
        return {**result, "seal": as_text(self.seals.seal("admission", claim))}
