"""What an answer, or the lack of one, does to the run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from policies.model import Trigger
from policies.rungs import NAMES
from policies.spending import MIN_MAX_TOKENS
from workflows.contracts.failures import ErrorInfo, FailureType
from workflows.engine import auditing, gaps, offers, pricing, providing, slots, spending, verdicts
from workflows.engine.answer_data import amounts_of, guidance_of
from workflows.engine.clock import rfc3339
from workflows.engine.fallback import begin_again
from workflows.engine.finishing import begin_ending
from workflows.engine.guiding import add_guidance
from workflows.engine.machine import problem
from workflows.engine.pauses import close_pause
from workflows.engine.permit_state import GrantState, PermitState
from workflows.engine.questions import call_of
from workflows.engine.requests import BY_RULE
from workflows.engine.silences import ABORT
from workflows.engine.steps import Fail, Lifted, Requeue, Restart, Succeed

if TYPE_CHECKING:
    from typing import Literal

    from policies.guardrails import Guardrail
    from workflows.engine.gap_state import GapState
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, CallState, PauseState

NOBODY = "timeout"
STANDING = (Trigger.RISKY_TOOL, Trigger.PROTECTED_PATH)
"""What a yes may stand for beyond the one call: scope `run` and `tenant`."""


@dataclass(frozen=True, slots=True)
class Word:
    """What was said in the end, by whom, and the answers that say it; without answers nobody said anything."""

    outcome: str
    by: str = NOBODY
    data: object = None
    scope: Literal["once", "run", "tenant"] = "once"
    answers: tuple[dict[str, object], ...] = ()


def release(m: Machine, pause: PauseState, word: Word) -> None:
    """Close the pause and do what was said; what is said of a gap may leave it open until a worker has looked."""
    gap = gaps.of_pause(m, pause)
    if gap is not None and word.outcome != ABORT:
        providing.answered(m, gap, pause, word)
        return
    _close(m, pause, gap)
    if word.outcome == ABORT and ABORT not in _own_outcomes(pause):
        _abort(m, pause, word)
    elif not pause.activation:
        _pass_rules(m, pause, word, call_of(m, pause))
    else:
        _go_on_with(m, m.state.activations[pause.activation], pause, word)


def _close(m: Machine, pause: PauseState, gap: GapState | None) -> None:
    if gap is None:
        close_pause(m, pause)
    else:
        gaps.close(m, gap)


def _own_outcomes(pause: PauseState) -> tuple[str, ...]:
    """The words that mean what the graph says, whatever they mean elsewhere."""
    return pause.outcomes if Trigger.HUMAN_NODE in pause.triggers else ()


def _go_on_with(m: Machine, activation: Activation, pause: PauseState, word: Word) -> None:
    if word.outcome in _own_outcomes(pause):
        result = {"outcome": word.outcome, "payload": word.data, "by": word.by, "at": rfc3339(m.state.now_ms)}
        _go_on(m, activation, Succeed(activation.id, result, word.outcome))
    elif Trigger.TASK in pause.triggers and word.outcome == offers.APPROVE:
        _go_on(m, activation, Restart(activation.id))
    elif pause.limit:
        _go_on(m, activation, Lifted(activation.id, pause.limit, word.outcome))
    elif word.outcome in offers.YES:
        _let_pass(m, activation, pause, word)
    elif word.outcome == "deny":
        _drop_call(m, activation)
        told: dict[str, object] | None = (
            None if activation.agent is None else {"by": "timeout" if word.by == NOBODY else "person"}
        )
        _go_on(m, activation, Fail(activation.id, problem(FailureType.DECLINED, _said(pause, word), activation, told)))
    elif word.outcome == "retry":
        _retry(m, activation, pause, word)
    else:  # skip, complete
        _drop_call(m, activation)
        given = word.data["result"] if isinstance(word.data, dict) else None
        _go_on(m, activation, Succeed(activation.id, given, skipped=word.outcome == "skip"))


def _go_on(m: Machine, activation: Activation, step: Succeed | Fail | Requeue | Restart | Lifted) -> None:
    slots.wake(m, m.frame_of(activation), step)


def _said(pause: PauseState, word: Word) -> str:
    if word.by == NOBODY:
        return f"nobody answered {pause.id} in time"
    return f"{word.by} answered {pause.id} with `{word.outcome}`"


def _abort(m: Machine, pause: PauseState, word: Word) -> None:
    """A rule that held the run ends it as a policy's verdict; anything else as a person's no."""
    cause = "" if pause.error is None else f" ({pause.error.type}: {pause.error.message})"
    kind = FailureType.DECLINED if pause.activation else FailureType.POLICY_DENIED
    why = cause if pause.activation else f": {pause.ask}"
    node = m.state.activations[pause.activation].node if pause.activation else None
    begin_ending(m, "aborted", error=ErrorInfo(type=kind, message=f"{_said(pause, word)}{why}", node=node))


def _let_pass(m: Machine, activation: Activation, pause: PauseState, word: Word) -> None:
    """The call goes before the gate again, with all that people said yes to."""
    call = m.state.calls[str(pause.call)]
    permit = PermitState(
        pause=pause.id,
        triggers=tuple(trigger for trigger in pause.triggers if trigger not in BY_RULE),
        by=word.by,
        digest=pause.digest,
        outcome=word.outcome,
        scope=word.scope,
        asked=pause.asked,
        answers=list(word.answers),
    )
    if permit.triggers:
        call.permit = permit
    if word.scope != "once":
        standing = tuple(trigger for trigger in permit.triggers if trigger in STANDING)
        m.state.approvals.append(replace(permit, triggers=standing))
    if Trigger.CAPABILITY in pause.triggers:
        m.state.grants.append(GrantState(capabilities=list(pause.lacks), permit=permit))
        auditing.note(m, "granted", capabilities=list(pause.lacks), pause=pause.id, by=word.by)
    _pass_rules(m, pause, word, call)
    _pass_rungs(m, pause, word, call)
    _go_on(m, activation, Requeue(activation.id, call.id))


def _pass_rules(m: Machine, pause: PauseState, word: Word, call: CallState | None) -> None:
    """A guardrail that people let pass is silent for the rest of the run; one with `repeat`, for this call alone."""
    repeating = {name for rule in m.policy.guardrails if rule.repeat for name in names_of(rule)}
    for rule in pause.rules:
        if rule not in repeating:
            m.state.latched[rule] = word.by
        elif call is not None and rule not in call.passed:
            call.passed = (*call.passed, rule)


def names_of(rule: Guardrail) -> tuple[str, str]:
    """What a guardrail is called where it speaks, and where it could not be evaluated."""
    return f"guardrail.{rule.id}", f"rule_error:{rule.id}"


def _pass_rungs(m: Machine, pause: PauseState, word: Word, call: CallState) -> None:
    """The rungs that asked have acted; one of a unit that there is more of now will ask again when that runs low."""
    more: dict[str, int] = {}
    if word.outcome == offers.RAISE:
        more = amounts_of(word.data) or {}
        spending.raise_limits(m, more)
    elif word.outcome == offers.REDUCE:
        pricing.lower_max_tokens(call, MIN_MAX_TOKENS)
    raised = {f"lifetime.{NAMES[unit]}" for unit in more}
    verdicts.latch(m, [rung for rung in pause.rungs if rung[0] not in raised])


def _retry(m: Machine, activation: Activation, pause: PauseState, word: Word) -> None:
    activation.generation += 1
    if pause.call is None:
        if activation.kind != "agent":  # which begins another conversation, of other calls
            activation.calls, activation.check, activation.failures = 0, 0, []
        _go_on(m, activation, Restart(activation.id))
        return
    begin_again(m, m.state.calls[pause.call])
    guidance = guidance_of(word.data)
    if guidance is not None:
        add_guidance(m, m.state.calls[pause.call], guidance)
    _go_on(m, activation, Requeue(activation.id, pause.call))


def _drop_call(m: Machine, activation: Activation) -> None:
    if activation.call is not None:
        m.state.calls.pop(activation.call)
        activation.call = None
