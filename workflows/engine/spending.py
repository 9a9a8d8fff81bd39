"""What the run uses: steps, time with a call in flight or ready, and what calls settle to."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

from policies.budget import NOTHING, RESERVED, Amount, Ledger
from workflows.contracts.failures import ErrorInfo, FailureType
from workflows.engine import auditing
from workflows.engine.machine import problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policies.budget import Limits
    from policies.model import Standing
    from workflows.contracts.calls import Usage
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, CallState

RUN = ""
ONE_STEP = Amount(steps=1)
ONE_TOOL_CALL = Amount(tool_calls=1)


def open_ledgers(m: Machine) -> None:
    """Start the run's own ledger: the policy's lifetime limits, clipped by what the graph asks for."""
    m.ledgers[RUN] = Ledger(limits=_first_limits(m))


def _first_limits(m: Machine) -> Limits:
    return m.policy.lifetime.tightest(m.graph.limits)


def raise_limits(m: Machine, more: Mapping[str, int]) -> None:
    """Give the run more of these units, each of which it has a limit of."""
    ledger = m.ledgers[RUN]
    ledger.limit = replace(ledger.limit, **{unit: getattr(ledger.limit, unit) + n for unit, n in more.items()})


def raised(m: Machine) -> dict[str, int]:
    """How much more of each unit people gave the run than policy and graph did."""
    first, limit = _first_limits(m), m.ledgers[RUN].limit
    units = [field.name for field in fields(limit) if getattr(first, field.name) is not None]
    return {unit: getattr(limit, unit) - getattr(first, unit) for unit in units}


def reset_limits(m: Machine) -> None:
    """Put every ledger under the policy as it is now; what is used and reserved stays."""
    for name, ledger in m.ledgers.items():
        ledger.limit = _first_limits(m) if name == RUN else m.policy.execution


def execution_ledger(m: Machine, activation: Activation) -> Ledger:
    """The ledger of one activation, opened at its first call."""
    ledger = m.ledgers.get(activation.id)
    if ledger is None:
        ledger = m.ledgers[activation.id] = Ledger(limits=m.policy.execution)
        ledger.used = ONE_STEP  # an activation is one
    return ledger


def charge_step(m: Machine, activation: Activation) -> ErrorInfo | None:
    """Count one step; the error when the run has none left."""
    ledger = m.ledgers[RUN]
    limit = ledger.limit.steps
    if limit is not None and ledger.used.steps >= limit:
        return problem(FailureType.BUDGET_EXCEEDED, f"the run's budget of {limit} steps is used up", activation)
    ledger.charge(ONE_STEP)
    return None


def issuing(m: Machine) -> bool:
    """Whether the run may issue calls: neither a person nor a rule holds it, and it is not being carried over."""
    return m.state.held_by is None and m.state.halted is None and not m.state.draining


def pass_time(m: Machine, at_ms: int) -> None:
    """Move the clock; time counts for the run while a call is in flight, or is ready and not held."""
    state = m.state
    if state.in_flight or (m.queue and issuing(m) and not _all_parked(m)):
        m.ledgers[RUN].charge(Amount(wall_ms=max(0, at_ms - state.now_ms)))
    state.now_ms = max(state.now_ms, at_ms)


def _all_parked(m: Machine) -> bool:
    """Whether every queued call waits for an answer that another one asked for."""
    return all(activation.busy_since_ms is None for activation in _queued(m))


def stop_clocks(m: Machine) -> None:
    """The queued calls may not be issued for now: their time is the operator's, not theirs."""
    for activation in _queued(m):
        stop_clock(m, activation)


def start_clocks(m: Machine) -> None:
    """The queued calls are ready again, if nothing else holds them; those that were all along keep their time."""
    if issuing(m):
        for activation in _queued(m):
            if activation.busy_since_ms is None:
                activation.busy_since_ms = m.state.now_ms


def _queued(m: Machine) -> Iterator[Activation]:
    return (m.state.activations[m.state.calls[call_id].activation] for *_, call_id in m.queue)


def stop_clock(m: Machine, activation: Activation) -> None:
    """Charge an activation for the time since its call became ready; called when it parks or its call ends."""
    if activation.busy_since_ms is not None:
        spent = Amount(wall_ms=max(0, m.state.now_ms - activation.busy_since_ms))
        execution_ledger(m, activation).charge(spent)
        activation.busy_since_ms = None


def standing_now(m: Machine, activation: Activation) -> Standing:
    """An activation's budget, the running clock included."""
    standing = execution_ledger(m, activation).standing()
    if activation.busy_since_ms is None or m.state.now_ms == activation.busy_since_ms:
        return standing
    running = Amount(wall_ms=m.state.now_ms - activation.busy_since_ms)
    return replace(standing, used=standing.used + running)


def time_left_ms(m: Machine, activation: Activation) -> int | None:
    """Wall clock left to the activation and to the run, the smaller; null when neither is limited."""
    run = m.ledgers[RUN]
    if run.limit.wall_ms is None and m.policy.execution.wall_ms is None:
        return None
    left = [
        limit - used
        for limit, used in (
            (m.policy.execution.wall_ms, standing_now(m, activation).used.wall_ms),
            (run.limit.wall_ms, run.used.wall_ms),
        )
        if limit is not None
    ]
    return min(left)


def reserve(m: Machine, call: CallState, activation: Activation) -> None:
    """Hold a call's worst case in every scope."""
    m.ledgers[RUN].reserve(call.id, call.reserve)
    execution_ledger(m, activation).reserve(call.id, call.reserve)


def settle(m: Machine, call: CallState, usage: Usage | None, *, maybe_billed: bool) -> Amount:
    """Replace a reservation by what was used, which is given; all of it where a provider may have billed unseen."""
    used = call.reserve if maybe_billed else _amount(call, usage)
    over = m.ledgers[RUN].settle(call.id, used)
    m.ledgers[call.activation].settle(call.id, used)
    if over:
        held, took = call.reserve._asdict(), used._asdict()
        beyond = {unit: took[unit] - held[unit] for unit in RESERVED if took[unit] > held[unit]}
        auditing.note(m, "overrun", call=call.id, beyond=beyond)
    if usage is not None:
        m.state.totals.input_tokens += usage.input_tokens
        m.state.totals.output_tokens += usage.output_tokens
        m.state.totals.cache_read_tokens += usage.cache_read_tokens
        m.state.totals.cache_write_tokens += usage.cache_write_tokens
    return used


def _amount(call: CallState, usage: Usage | None) -> Amount:
    if usage is None:
        return ONE_TOOL_CALL if call.kind == "tool" else NOTHING
    tool_calls = 1 if call.kind == "tool" else 0
    return Amount(tokens=usage.tokens, cost_nano=usage.cost_nano, tool_calls=tool_calls)
