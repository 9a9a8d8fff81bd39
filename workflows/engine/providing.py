"""What people's answer about a gap, and what a worker then finds, do for those who wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from policies.model import Trigger
from workflows.contracts.failures import FailureType
from workflows.contracts.pause import Refusal
from workflows.contracts.run import ModelCard, SkillCard, ToolCard
from workflows.engine import auditing, gap_offers, gaps, refusals, slots
from workflows.engine.clock import rfc3339
from workflows.engine.commands import Probe
from workflows.engine.machine import problem
from workflows.engine.permit_state import GrantState, PermitState
from workflows.engine.renewing import renew
from workflows.engine.steps import Fail, Requeue, Resolved, Restart, Succeed
from workflows.engine.tool_diff import tool_diff

if TYPE_CHECKING:
    from workflows.engine.events import Probed
    from workflows.engine.gap_state import GapState
    from workflows.engine.machine import Machine
    from workflows.engine.releasing import Word
    from workflows.engine.state import Activation, PauseState

    Outcome = Literal["provided", "granted", "substituted", "without", "declined"]

NO_CARD = "the worker says that it has it, and not what it is"


def answered(m: Machine, gap: GapState, pause: PauseState, word: Word) -> None:
    """Do what was said: have the worker look, or let those who wait go on, with or without."""
    match word.outcome:
        case gap_offers.PROVIDE:
            _look(m, gap, pause, word)
        case gap_offers.GRANT:
            _grant(m, gap, pause, word)
            _resolve(m, gap, "granted", word.by)
        case gap_offers.SUBSTITUTE:
            name = name_of(word.data)
            m.state.substitutes[f"{gap.kind}:{gap.name}"] = name
            _resolve(m, gap, "substituted", word.by, name)
        case gap_offers.WITHOUT:
            m.state.forgone[gap.key] = word.by
            _resolve(m, gap, "without", word.by)
        case _:
            m.state.declined[gap.key] = word.by
            _resolve(m, gap, "declined", word.by)


def name_of(data: object) -> str:
    """The name that comes with `substitute`; empty where there is none."""
    name = data["name"] if isinstance(data, dict) and set(data) == {"name"} else None
    return name if isinstance(name, str) else ""


def probed(m: Machine, event: Probed) -> None:
    """The worker has looked: what it found is pinned, and those who wait go on. Else the question stays open."""
    gap = m.state.gaps.get(event.gap)
    if gap is None or not gap.probing:
        return
    gap.probing = False
    fault = event.failed
    if fault is None and (gap.kind == "tool_changed" or _is_another(m, gap, event.card)):
        fault = _take_change(m, gap, event.card)
    elif fault is None and gap.kind != "credential":
        fault = _pin(m, gap, event.card)
    if event.gap in m.state.gaps:  # a tool that has changed again is asked about anew
        _conclude(m, gap, fault)


def _conclude(m: Machine, gap: GapState, fault: str | None) -> None:
    if fault is None:
        _resolve(m, gap, "provided", gap.by)
        return
    gap.failed = fault
    gaps.note(m, gap, "not_found", by=gap.by)
    at = rfc3339(m.state.now_ms)
    refusals.keep(m, Refusal(pause=gap.pause, outcome=gap_offers.PROVIDE, by=gap.by, reason=fault, at=at))


def _look(m: Machine, gap: GapState, pause: PauseState, word: Word) -> None:
    """The question stays open until the worker has found it: a word alone provides nothing."""
    pause.answers = []
    gap.probing, gap.by, gap.failed = True, word.by, ""
    m.state.totals.probes += 1
    m.out.append(Probe(gap.key, gap.kind, gap.name, m.state.totals.probes))
    gaps.note(m, gap, "probe", by=word.by)


def _grant(m: Machine, gap: GapState, pause: PauseState, word: Word) -> None:
    permit = PermitState(
        pause=pause.id,
        triggers=(Trigger.GAP,),
        by=word.by,
        digest=pause.digest,
        outcome=word.outcome,
        asked=pause.asked,
        answers=list(word.answers),
    )
    m.state.grants.append(GrantState(capabilities=[gap.name], permit=permit))
    auditing.note(m, "granted", capabilities=[gap.name], pause=pause.id, by=word.by)


def _pin(m: Machine, gap: GapState, found: dict[str, object] | None) -> str | None:
    """Take a card into the run's; why it is none of what was looked for."""
    if found is None:
        return NO_CARD
    try:
        named, change = _PINS.get(gap.kind, _tool)(m, found)
    except ValidationError as error:
        return f"what the worker found does not parse: {error.error_count()} problems"
    if named != gap.name:
        return f"the worker found `{named}`"
    left = tuple(one for one in m.card.missing if one != f"{gap.kind}:{gap.name}")
    m.card = m.card.model_copy(update={**change, "missing": left})
    return None


def _tool(m: Machine, found: dict[str, object]) -> tuple[str, dict[str, object]]:
    card = ToolCard.model_validate(found)
    return card.name, {"tools": {**m.card.tools, card.name: card}}


def _model(m: Machine, found: dict[str, object]) -> tuple[str, dict[str, object]]:
    card = ModelCard.model_validate(found)
    return card.alias, {"models": {**m.card.models, card.alias: card}}


def _skill(m: Machine, found: dict[str, object]) -> tuple[str, dict[str, object]]:
    card = SkillCard.model_validate(found)
    return card.name, {"skills": {**m.card.skills, card.name: card}}


_PINS: Mapping[str, Callable[[Machine, dict[str, object]], tuple[str, dict[str, object]]]] = {
    "model": _model,
    "skill": _skill,
}
"""How a card is read, and where it belongs; what is not here is a tool."""


def _is_another(m: Machine, gap: GapState, found: dict[str, object] | None) -> bool:
    """Whether a tool that the run has pinned would give way to one that nobody has seen, for an agent's asking for it.

    Of one that kept failing, people were asked for another.
    """
    pinned = m.card.tools.get(gap.name)
    if gap.kind != "tool" or gap.source == "failures" or pinned is None or found is None:
        return False
    return found.get("digest") != pinned.digest


def _take_change(m: Machine, gap: GapState, found: dict[str, object] | None) -> str | None:
    """Pin the version that people were shown, or let the old one do, if that is back; any other is asked about."""
    if found is None:
        return NO_CARD
    digest = found.get("digest")
    if digest in (gap.digest, m.card.tools[gap.name].digest):
        return _pin(m, gap, found)
    try:
        card = ToolCard.model_validate(found)
    except ValidationError as error:
        return f"what the worker found does not parse: {error.error_count()} problems"
    diff = tool_diff(m.card.tools[gap.name], card)
    what = gaps.Lack("tool_changed", gap.name, gap.reason, gap.source, gap.example, card.digest, diff)
    gaps.note(m, gap, "changed_again", by=gap.by)
    for waiter in gaps.close(m, gap):
        fault = gaps.lack(m, waiter, what)
        if fault is not None:
            _wake(m, waiter, _refusing(m, gap, waiter, fault))
    return None


def _resolve(m: Machine, gap: GapState, outcome: Outcome, by: str, other: str = "") -> None:
    """Close the question; all who wait hear of it, in the order in which they came."""
    more = {"to": other or None, "digest": _digest(m, gap) if outcome == "provided" else None}
    gaps.note(m, gap, outcome, by=by, **{name: value for name, value in more.items() if value is not None})
    for waiter in gaps.close(m, gap):
        _wake(m, waiter, _step(m, gap, waiter, outcome, other or gaps.latched(m, gap.key) or ""))


def _digest(m: Machine, gap: GapState) -> str | None:
    """The digest of what the run has of the gap's name now."""
    kinds: dict[str, Mapping[str, ToolCard | ModelCard | SkillCard]] = {
        "tool": m.card.tools,
        "tool_changed": m.card.tools,
        "model": m.card.models,
        "skill": m.card.skills,
    }
    pinned = kinds.get(gap.kind, {}).get(gap.name)
    return None if pinned is None else pinned.digest


def _step(
    m: Machine, gap: GapState, waiter: Activation, outcome: Outcome, message: str
) -> Succeed | Fail | Requeue | Restart | Resolved:
    there = outcome in ("provided", "granted", "substituted")
    if there and outcome != "substituted" and waiter.call is not None:
        fault = renew(m, waiter, m.state.calls[waiter.call])
        return Requeue(waiter.id, waiter.call) if fault is None else _failing(m, waiter, fault)
    _drop_call(m, waiter)
    if gap_offers.is_agents(waiter):
        return Resolved(waiter.id, gap.key, outcome, message)
    if there:
        return Restart(waiter.id)
    if outcome == "without" and gap_offers.may_go_without(m, gap.kind, waiter):
        return Succeed(waiter.id, None, skipped=True)
    return _refusing(m, gap, waiter, message)


def _refusing(m: Machine, gap: GapState, waiter: Activation, message: str) -> Fail | Resolved:
    _drop_call(m, waiter)
    if gap_offers.is_agents(waiter):
        return Resolved(waiter.id, gap.key, "declined", message)
    what = f"{gaps.KIND_WORDS[gap.kind]} `{gap.name}`: {message}"
    return Fail(waiter.id, problem(FailureType.DECLINED, what, waiter))


def _failing(m: Machine, waiter: Activation, fault: str) -> Fail:
    _drop_call(m, waiter)
    return Fail(waiter.id, problem(FailureType.TOOL_FAILED, fault, waiter))


def _drop_call(m: Machine, waiter: Activation) -> None:
    if waiter.call is not None:
        del m.state.calls[waiter.call]
        waiter.call = None


def _wake(m: Machine, waiter: Activation, step: Succeed | Fail | Requeue | Restart | Resolved) -> None:
    slots.wake(m, m.frame_of(waiter), step)
