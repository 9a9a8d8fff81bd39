"""What a run lacks: one question for each thing, however many wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from policies.canonical import NotCanonical, canonical
from workflows.contracts.failures import FailureType
from workflows.engine import auditing, gap_offers, pauses, slots, spending
from workflows.engine.gap_prompts import shown_name
from workflows.engine.gap_state import GapState
from workflows.engine.machine import problem
from workflows.engine.notices import tell
from workflows.engine.steps import Fail, Resolved, Succeed

if TYPE_CHECKING:
    from workflows.engine.gap_state import GapKind
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, PauseState

KIND_WORDS: dict[GapKind, str] = {
    "tool": "tool",
    "skill": "skill",
    "mcp_server": "MCP server",
    "agent": "agent",
    "model": "model",
    "credential": "key of model",
    "capability": "capability",
    "tool_changed": "tool",
}
MAX_EXAMPLE_BYTES = 8 * 1024
NOBODY = "timeout"
"""Stands where nobody answered in time."""


@dataclass(frozen=True, slots=True)
class Lack:
    """What is lacking, and how that was found; `example` is an input that it would have been given."""

    kind: GapKind
    name: str
    reason: str
    source: Literal["load", "request_capability", "unknown_name", "failures", "call"]
    example: dict[str, object] | None = None
    digest: str = ""
    diff: str = ""

    @property
    def key(self) -> str:
        """What one question is about."""
        return f"{self.kind}:{self.name}:{self.digest}"


def lack(m: Machine, waiter: Activation, what: Lack) -> str | None:
    """Hold an activation until people have dealt with what it lacks; why they are not asked, null where they are.

    It may wait for one thing at a time. What was lacking is said to the activation by a step: `Requeue` where a call of
    its waits (`activation.call`); of an agent's call without one, and where it is not to be had, `Resolved`; nodes get
    `Restart`, `Succeed` (skipped) or `Fail`.
    """
    said = latched(m, what.key)
    if said is not None:
        return said
    gap = m.state.gaps.get(what.key)
    if gap is not None:
        _join(m, waiter, gap)
        return None
    fault = gap_offers.why_unasked(m, what.kind, what.name, waiter)
    if fault is not None:
        return fault
    if gap_offers.is_toast(m, what.kind, waiter):
        words = f"{KIND_WORDS[what.kind]} `{shown_name(what.name)}` is missing, and the work goes on without it"
        tell(m, "on_gap", words)
        m.todo.append(Resolved(waiter.id, what.key, "without", words))
        return None
    _open(m, waiter, what)
    return None


def lack_of_node(m: Machine, activation: Activation, what: Lack) -> None:
    """The same for a node, which is skipped or fails at once where nobody is asked."""
    if what.key in m.state.forgone and gap_offers.may_go_without(m, what.kind, activation):
        m.todo.append(Succeed(activation.id, None, skipped=True))
        return
    fault = lack(m, activation, what)
    if fault is not None:
        kind = FailureType.GAP if latched(m, what.key) is None else FailureType.DECLINED
        m.todo.append(Fail(activation.id, problem(kind, f"{KIND_WORDS[what.kind]} `{what.name}`: {fault}", activation)))


def latched(m: Machine, key: str) -> str | None:
    """What people said of it before; null where they were not asked, or it was there in the end."""
    by = m.state.declined.get(key) or m.state.forgone.get(key)
    if by is None:
        return None
    if by == NOBODY:
        return "it is not to be had: nobody answered in time"
    said = "declined it" if key in m.state.declined else "said to go on without it"
    return f"it is not to be had: {by} {said}"


def stand_in(m: Machine, kind: GapKind, name: str) -> str:
    """What people said to use in place of a tool, model or skill; the name itself where they said nothing."""
    return m.state.substitutes.get(f"{kind}:{name}", name)


def of_pause(m: Machine, pause: PauseState) -> GapState | None:
    """The gap that a pause asks about."""
    return next((gap for gap in m.state.gaps.values() if gap.pause == pause.id), None)


def drop_waiter(m: Machine, activation: Activation) -> None:
    """An activation that waits for a gap is gone; the last one takes its question with it."""
    gap = next(gap for gap in m.state.gaps.values() if activation.id in gap.waiters)
    pause = m.state.pauses[gap.pause]
    gap.waiters.remove(activation.id)
    if not gap.waiters:
        del m.state.gaps[gap.key]
        pauses.close_pause(m, pause)
        note(m, gap, "dropped")
        return
    _free(activation)
    if pause.activation == activation.id:
        heir = m.state.activations[gap.waiters[0]]
        gap.asker = m.owner_of(heir).id
        pauses.hand_over(m, pause, heir, _ask(gap, heir))


def close(m: Machine, gap: GapState) -> list[Activation]:
    """Take the question back; those who waited for it go on, or end, as the caller sees fit."""
    waiters = [m.state.activations[one] for one in gap.waiters]
    pauses.close_pause(m, m.state.pauses[gap.pause])
    for waiter in waiters:
        _free(waiter)
    del m.state.gaps[gap.key]
    return waiters


def note(m: Machine, gap: GapState, step: str, **more: object) -> None:
    """Write down what became of a gap."""
    auditing.note(m, "gap", gap=gap.key, step=step, pause=gap.pause, **more)


def offer_anew(m: Machine, pause: PauseState) -> None:
    """The words that make sense under another policy."""
    gap = of_pause(m, pause)
    assert gap is not None, "a pause of this trigger asks about a gap"
    pause.outcomes = gap_offers.outcomes_of(m, gap.kind, gap.name, m.state.activations[pause.activation])


def _open(m: Machine, waiter: Activation, what: Lack) -> None:
    gap = GapState(
        key=what.key,
        kind=what.kind,
        name=what.name,
        reason=what.reason,
        asker=m.owner_of(waiter).id,
        source=what.source,
        digest=what.digest,
        example=_short(what.example),
        diff=what.diff,
        waiters=[waiter.id],
    )
    m.state.gaps[gap.key] = gap
    show = "\n\n".join(part for part in (gap.reason, gap.diff) if part)
    outcomes = gap_offers.outcomes_of(m, gap.kind, gap.name, waiter)
    pauses.open_for_gap(m, waiter, gap, pauses.GapWords(_ask(gap, waiter), show, outcomes))
    note(m, gap, "opened", source=gap.source)


def _short(example: dict[str, object] | None) -> dict[str, object] | None:
    """An example that can be shown; null for one that is too long, or no JSON."""
    try:
        return example if example is not None and len(canonical(example)) <= MAX_EXAMPLE_BYTES else None
    except NotCanonical:
        return None


def _join(m: Machine, waiter: Activation, gap: GapState) -> None:
    gap.waiters.append(waiter.id)
    waiter.pause, waiter.status = gap.pause, "waiting"
    spending.stop_clock(m, waiter)
    slots.park_call(m, waiter)


def _free(activation: Activation) -> None:
    activation.pause = None
    if activation.status == "waiting":
        activation.status = "running"


def _ask(gap: GapState, waiter: Activation) -> str:
    """The line that asks; who says why, and what, stands below it."""
    what = f"{KIND_WORDS[gap.kind]} `{shown_name(gap.name)}`"
    who = f"agent `{waiter.node}`" if gap_offers.is_agents(waiter) else f"node `{waiter.node}`"
    if gap.kind == "tool_changed":
        return f"{what} is another than when the run first had it, and {who} waits to call it"
    found = "asks for" if gap.source == "request_capability" else "lacks"
    return f"{who} {found} {what}"
