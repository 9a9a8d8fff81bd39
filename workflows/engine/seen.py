"""What the run remembers of its calls for the rules that look back: counts, labels, repetitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.loop_guard import LoopState, note_call, note_result
from policies.rule_facts import MAX_ITEMS
from workflows.engine.loops import looping
from workflows.engine.requests import FINGERPRINT_DIGITS, fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal

    from policies.capability import Capability
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, CallState


def issued(m: Machine, call: CallState, activation: Activation, needs: Iterable[Capability]) -> None:
    """A call starts: from here on the run has met all that it touches."""
    seen = m.state.seen
    seen.counts[call.name] = seen.counts.get(call.name, 0) + 1
    _meet(seen.effects, call.effect.value)
    _meet(seen.nodes, activation.node)
    for need in needs:
        _meet(seen.kinds, need.kind)
        if need.kind == "net":
            _meet(seen.hosts, need.pattern)
    if call.kind == "tool":
        _meet(seen.tools, call.name)
        labelled(m, m.card.tools[call.name].labels)
    _count_for_loops(m, call, activation)


def refused(m: Machine, call: CallState, activation: Activation) -> None:
    """A call was denied: it counts as a call for the loop guard, and as the last of its frame."""
    m.state.seen.denials += 1
    _count_for_loops(m, call, activation)
    _set_last(m, call, activation, "denied")


def ended(
    m: Machine, call: CallState, activation: Activation, status: Literal["ok", "failed"], result_digest: str
) -> None:
    """A call has its outcome; `result_digest` is of its output, or of its failure."""
    if status == "failed":
        m.state.seen.failures += 1
    at = looping(m, activation)
    if at.loop is not None and call.kind == "tool":
        note_result(at.loop, fingerprint(call), result_digest[:FINGERPRINT_DIGITS])
    _set_last(m, call, activation, status)


def labelled(m: Machine, labels: Iterable[str]) -> None:
    """The run has met content with these labels."""
    for label in labels:
        _meet(m.state.seen.labels, label)


def _count_for_loops(m: Machine, call: CallState, activation: Activation) -> None:
    if m.policy.loop is None or call.kind != "tool":
        return
    at = looping(m, activation)
    if at.loop is None:
        at.loop = LoopState([], {}, {}, {})
    note_call(at.loop, fingerprint(call), activation.node)


def _set_last(m: Machine, call: CallState, activation: Activation, status: str) -> None:
    m.frame_of(activation).last = [call.kind, call.name, activation.node, status]


def _meet(met: dict[str, int], name: str) -> None:
    """Remember a name; of more names than a rule may read, which is an error of that rule, one too many is enough."""
    if name in met or len(met) <= MAX_ITEMS:
        met[name] = met.get(name, 0) + 1
