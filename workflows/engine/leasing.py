"""The run's share of its tenant's budget: taken before calls, settled before parking, at carry and at close."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.engine.events import LeaseArrived, LeaseSettled

if TYPE_CHECKING:
    from policies.budget import Amount
    from policies.model import Standing
    from workflows.engine.machine import Machine
    from workflows.engine.state import CallState


def tenant_standing(m: Machine) -> Standing | None:
    """What the ledger last said of the tenant, with what this run has used since; null without a tenant budget."""
    del m
    return None


def lease_standing(m: Machine, valid_until_ms: int) -> Standing | None:
    """What this run holds and has not used, nothing if it expires before then; null without a tenant budget."""
    del m, valid_until_ms
    return None


def want(m: Machine, lack: Amount) -> None:
    """A call waits for a lease: ask for one, unless one is already asked for."""
    del m, lack


def arrived(m: Machine, event: LeaseArrived) -> None:
    """Take the ledger's reply; the calls that wait are decided again."""
    del m, event


def settled(m: Machine, event: LeaseSettled) -> None:
    """The ledger has taken a lease back."""
    del m, event


def reserve(m: Machine, call: CallState) -> None:
    """Hold a call's reservation in the lease, too."""
    del m, call


def settle(m: Machine, call: CallState, used: Amount) -> None:
    """Replace the reservation by what was used."""
    del m, call, used


def rest(m: Machine) -> None:
    """After an event: give the lease back if the run parks, drains or ends."""
    del m


def pending(m: Machine) -> bool:
    """Whether the run must wait for the ledger before it may be carried over or finished."""
    del m
    return False


def record(m: Machine, event: LeaseArrived | LeaseSettled) -> None:
    """Take the ledger's word, whichever it is."""
    if isinstance(event, LeaseArrived):
        arrived(m, event)
    else:
        settled(m, event)
