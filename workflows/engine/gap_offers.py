"""What people may be asked about something that a run lacks: which words make sense, and whether it makes sense at all.

A question about a gap is put once, whoever waits for it. Words that one of those who wait cannot follow are a
refusal to that one: a node with routes cannot go on without its result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.capability import Capability
from policies.grants import KINDS, matcher
from policies.model import Trigger
from workflows.engine.permits import granted
from workflows.engine.standards import at_first, why_nobody

if TYPE_CHECKING:
    from collections.abc import Collection

    from workflows.engine.gap_state import GapKind
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation

PROVIDE, GRANT, SUBSTITUTE, WITHOUT, DECLINE = "provide", "grant", "substitute", "continue_without", "decline"
PROVIDABLE: frozenset[GapKind] = frozenset({"tool", "skill", "model", "credential", "tool_changed"})
"""What a worker can look for. There are no MCP servers and no agents of other graphs in this version."""
ADVISORY: frozenset[GapKind] = frozenset({"skill"})
"""What an agent works without, if less well: people may just be told."""
NEEDED_BY_TURNS: frozenset[GapKind] = frozenset({"model", "credential"})
"""Without these an agent takes no turn."""
MAX_NAME = 200
"""Characters of a name; whoever asks may have called it anything, and people have to read it."""
MAX_REQUESTS = 3
"""Open requests of one agent (reference row 109 has none; an agent that asks for everything asks for nothing)."""


def outcomes_of(m: Machine, kind: GapKind, name: str, waiter: Activation) -> tuple[str, ...]:
    """The words that make sense, in the order of policy-language.md."""
    offered = {
        PROVIDE: kind in PROVIDABLE,
        GRANT: kind == "capability",
        SUBSTITUTE: any(other != name for other in substitutes(m, kind)),
        WITHOUT: may_go_without(m, kind, waiter),
        DECLINE: True,
    }
    return tuple(word for word, makes_sense in offered.items() if makes_sense)


def substitutes(m: Machine, kind: GapKind) -> Collection[str]:
    """What the run has of the kind; a tool of the same name that changed has no other."""
    here: dict[str, Collection[str]] = {"tool": m.card.tools, "model": m.card.models, "skill": m.card.skills}
    return here.get(kind, ())


def is_agents(activation: Activation) -> bool:
    """Whether it is a call of an agent, which is told, and goes on by itself. An agent that has not begun is a node."""
    return activation.agent is not None


def may_go_without(m: Machine, kind: GapKind, waiter: Activation) -> bool:
    """Whether the one who waits can go on without the thing: an agent but for its model, a node that can be skipped."""
    if is_agents(waiter):
        return kind not in NEEDED_BY_TURNS
    return waiter.kind in ("tool", "model") and not m.node_of(waiter).routes


def is_toast(m: Machine, kind: GapKind, waiter: Activation) -> bool:
    """Whether people are just told, and the work goes on without: only where that is safe."""
    rule = m.policy.triggers.get(Trigger.GAP)
    return rule is not None and rule.ui == "toast" and kind in ADVISORY and may_go_without(m, kind, waiter)


def why_unasked(m: Machine, kind: GapKind, name: str, waiter: Activation) -> str | None:
    """Why people are not asked; null where they are."""
    if len(name) > MAX_NAME:
        return f"its name has {len(name):,} characters, over the limit of {MAX_NAME}"
    return _too_many(m, waiter) or (_ungrantable(m, name, waiter) if kind == "capability" else None) or _nobody(m)


def _too_many(m: Machine, waiter: Activation) -> str | None:
    if not is_agents(waiter):
        return None
    owner = m.owner_of(waiter).id
    mine = [
        gap
        for gap in m.state.gaps.values()
        if any(m.owner_of(m.state.activations[one]).id == owner for one in gap.waiters)
    ]
    if len(mine) < MAX_REQUESTS:
        return None
    return f"{MAX_REQUESTS} requests of this agent wait for people already: go on with what there is, or ask later"


def _nobody(m: Machine) -> str | None:
    fault = why_nobody(m, at_first(m, (Trigger.GAP,)))
    return None if fault is None else f"nobody can be asked for it: {fault}"


def _ungrantable(m: Machine, name: str, waiter: Activation) -> str | None:
    """Why nobody could grant it, or why nobody need."""
    kind, colon, pattern = name.partition(":")
    if not colon or kind not in KINDS or matcher(kind, pattern) is None:
        return f"`{name}` is no capability: write `kind:value`, such as `net:api.example.org`"
    wanted, policy = Capability(kind, pattern), m.policy
    if policy.deny.forbids(wanted):
        return f"the operator's policy denies `{name}` (`deny`): nothing overrides that"
    allowed = policy.allow.covers(wanted)
    given = granted(m)
    if (allowed and m.node_of(waiter).capabilities.covers(wanted)) or (given is not None and given.covers(wanted)):
        return f"`{name}` is there already"
    if not allowed and not policy.grantable.covers(wanted):
        return f"the operator's policy lets nobody grant `{name}` (`allow`, `grantable`)"
    if not policy.answerers.require_signature:
        return f"`{name}` must be granted with a signature, and the operator's policy has none (`require_signature`)"
    return None
