"""What the gate is asked about a call, and what the run knows when it asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.model import NO_COUNTS, NO_LAST, NOTHING_SEEN, Counts, Effect, Facts, Last, Request, Seen, Trigger
from workflows.engine import leasing, permits, pricing, spending
from workflows.engine.loops import looping
from workflows.engine.needs import needs_of
from workflows.engine.provided import asked_of
from workflows.engine.sharing import attempts_ms

if TYPE_CHECKING:
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, CallState, Frame

BY_RULE = frozenset({Trigger.GUARDRAIL, Trigger.BUDGET})
"""Asks that a person lets pass rule by rule and rung by rung, not by the kind of ask."""
FINGERPRINT_DIGITS = 16


def request_of(m: Machine, call: CallState, activation: Activation) -> Request:
    """The call as the gate judges it, with the worst case that it may use."""
    permit = permits.find(m, call)
    triggers = () if permit is None else permit.triggers
    return Request(
        kind=call.kind,
        name=call.name,
        activation=m.owner_of(activation).id,
        node=activation.node,
        effect=call.effect,
        risk=call.risk,
        needs=needs_of(m, call),
        asked=asked_of(m, activation),
        reserve=pricing.reserve(m, call),
        max_tokens=call.max_tokens,
        output_nano=pricing.output_nano(m, call),
        discharged=frozenset(trigger for trigger in triggers if trigger not in BY_RULE),
        latched=frozenset((*m.state.latched, *call.passed)),
        granted=permits.granted(m),
        args=call.args,
        args_bytes=call.args_bytes,
        attempt=1 + activation.generation + activation.recalls,
        visit=activation.visit,
        graph=m.graph.name,
        downshifted=call.downshifted,
        fingerprint=fingerprint(call),
        agent=None if activation.agent is None else activation.node,
    )


def fingerprint(call: CallState) -> str:
    """What the loop guard knows a call by: its name and the digest of its arguments."""
    return f"{call.name}:{call.args_digest[:FINGERPRINT_DIGITS]}"


def facts_of(m: Machine, call: CallState, activation: Activation) -> Facts:
    """What the run knows now. What only guardrails read is left out where there are none, and nobody watches.

    Of its tenant it knows what the ledger counts, which is use: the `tenant_counts` stay 0 (`policies.advice`).
    """
    ruled = bool(m.policy.guardrails) or m.observer is not None
    frame = m.frame_of(activation)
    attempts = 1 if call.effect is Effect.ONCE else m.node_of(activation).retry.max_attempts
    longest_ms = attempts_ms(timeout_s(m, call, activation), attempts, m.node_of(activation).retry.max_interval_s)
    left_ms = spending.time_left_ms(m, activation)
    valid_until_ms = m.state.now_ms + (longest_ms if left_ms is None else min(left_ms, longest_ms))
    return Facts(
        namespace=m.run.namespace,
        execution=spending.standing_now(m, activation),
        lifetime=m.ledgers[spending.RUN].standing(),
        tenant=leasing.tenant_standing(m),
        lease=leasing.lease_standing(m, valid_until_ms),
        tenant_refused=m.state.lease.refused,
        lifetime_counts=_counts(m) if ruled else NO_COUNTS,
        seen=_seen(m) if ruled else NOTHING_SEEN,
        last=_last(frame) if ruled else NO_LAST,
        rungs=m.state.rungs,
        loop=looping(m, activation).loop,
    )


def timeout_s(m: Machine, call: CallState, activation: Activation) -> float:
    """How long one attempt may take: the node's own bound, else that of the tool or model."""
    own = m.node_of(activation).timeout_s
    if own is not None:
        return own
    return m.card.models[call.name].timeout_s if call.kind == "model" else m.card.tools[call.name].timeout_s


def _counts(m: Machine) -> Counts:
    return Counts(
        elapsed_ms=m.ledgers[spending.RUN].used.wall_ms,
        age_ms=m.state.now_ms - m.state.started_ms,
        failures=m.state.seen.failures,
        denials=m.state.seen.denials,
    )


def _seen(m: Machine) -> Seen:
    seen = m.state.seen
    return Seen(
        tools=tuple(sorted(seen.tools)),
        kinds=tuple(sorted(seen.kinds)),
        effects=tuple(sorted(seen.effects)),
        labels=tuple(sorted(seen.labels)),
        hosts=tuple(sorted(seen.hosts)),
        nodes=tuple(sorted(seen.nodes)),
        counts=seen.counts,
    )


def _last(frame: Frame) -> Last:
    return Last(*frame.last) if frame.last else NO_LAST
