"""Opening and closing pauses: for a call that must be asked about, for the run, for a failure, for a human node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from policies.evidence import Standard
from policies.model import Trigger
from workflows.contracts.failures import FailureType
from workflows.engine import offers, permits, slots, spending
from workflows.engine.clock import seconds_ms
from workflows.engine.machine import problem
from workflows.engine.notices import tell
from workflows.engine.questions import forget_timer, put, why_unaskable
from workflows.engine.requests import BY_RULE
from workflows.engine.silences import ABORT, UNANSWERED, silence_of
from workflows.engine.standards import at_first, why_nobody
from workflows.engine.state import PauseState
from workflows.engine.steps import Enter, Fail

if TYPE_CHECKING:
    from policies.model import Decision
    from workflows.contracts.failures import ErrorInfo
    from workflows.engine.gap_state import GapState
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, CallState
    from workflows.language.graph import HumanNode

KEEP_CLOSED = 200
DOING = frozenset({"tool", "model", "agent", "graph", "validate"})
"""Kinds of node that do something of their own; a person and a timer need nobody's leave."""


@dataclass(frozen=True, slots=True)
class GapWords:
    """How a gap is asked about: the line that asks, what is shown below it, what may be answered."""

    ask: str
    show: str
    outcomes: tuple[str, ...]


def open_for_call(m: Machine, call: CallState, decision: Decision) -> None:
    """Hold one call until people say whether it goes on; all that must be asked is asked at once.

    A call that nobody could ever let pass is refused.
    """
    activation = m.state.activations[call.activation]
    triggers = _asks(m, call, decision)
    wanted = at_first(m, triggers)
    fault = why_nobody(m, wanted)
    call.status = "asked"
    if fault is not None:
        spending.stop_clock(m, activation)
        del m.state.calls[call.id]
        activation.call = None
        m.todo.append(Fail(activation.id, problem(FailureType.POLICY_DENIED, f"`{call.name}`: {fault}", activation)))
        return
    rungs = offers.rungs_of(decision)
    ask = f"node `{activation.node}` wants to call `{call.name}`: {offers.reasons_of(decision)}"
    pause = _new(m, triggers, activation.id, ask, offers.outcomes_of(m, call, triggers, rungs))
    pause.call, pause.rungs, pause.rules = call.id, rungs, offers.rules_of(decision)
    pause.lacks = tuple(str(need) for need in decision.lacks)
    _hold(m, activation, pause, wanted)


def _asks(m: Machine, call: CallState, decision: Decision) -> tuple[Trigger, ...]:
    """What is asked now, and before it what a yes that the call has already covers: one yes must cover all of it."""
    before = permits.find(m, call)
    if before is None or all(trigger in BY_RULE for trigger in decision.asks):
        return tuple(dict.fromkeys(decision.asks))
    known = [trigger for trigger in before.triggers if trigger not in BY_RULE]
    return tuple(dict.fromkeys((*known, *decision.asks)))


def open_for_run(m: Machine, rules: tuple[str, ...], message: str, call: str | None) -> None:
    """Hold the whole run until people let it go on: no call is made meanwhile. `call` is the one that a rule stopped.

    Rules that wait for an answer already are not asked about again.
    """
    waiting = {rule for pause in m.state.pauses.values() if not pause.activation for rule in pause.rules}
    if waiting and waiting.issuperset(rules):
        return
    pause = _new(m, (Trigger.GUARDRAIL,), "", message, (offers.CONTINUE, ABORT))
    pause.rules, pause.call = rules, call
    if m.state.halted is None:
        spending.stop_clocks(m)
        m.state.halted = pause.id
    put(m, pause, at_first(m, pause.triggers))


def asks_of_tasks(m: Machine) -> bool:
    """Whether tasks wait for an answer before they start."""
    rule = m.policy.triggers.get(Trigger.TASK)
    return rule is not None and rule.ui != "toast"


def ask_before(m: Machine, activation: Activation) -> bool:
    """Ask whether a node that does something may start at all, where the policy wants that; True if it waits now.

    A toast only tells people. A node that nobody could let start fails.
    """
    rule = m.policy.triggers.get(Trigger.TASK)
    if rule is None or activation.kind not in DOING:
        return False
    ask = f"node `{activation.node}` is about to start"
    if not asks_of_tasks(m):
        tell(m, Trigger.TASK.value, ask)
        return False
    wanted = at_first(m, (Trigger.TASK,))
    fault = why_nobody(m, wanted)
    if fault is not None:
        m.todo.append(Fail(activation.id, problem(FailureType.POLICY_DENIED, fault, activation)))
        return True
    skip = () if m.node_of(activation).routes else ("skip",)
    pause = _new(m, (Trigger.TASK,), activation.id, ask, (offers.APPROVE, *skip, ABORT))
    _hold(m, activation, pause, wanted)
    return True


def open_for_failure(m: Machine, activation: Activation, error: ErrorInfo, call: str | None) -> bool:
    """Ask what to do about a failed node; False, with a notice, where nobody could ever answer.

    A node with routes cannot be skipped: it would have no outcome.
    """
    uncertain = error.type == FailureType.UNCERTAIN
    trigger = Trigger.UNCERTAIN if uncertain else Trigger.FAILURE
    wanted = at_first(m, (trigger,))
    fault = why_nobody(m, wanted)
    if fault is not None:
        tell(m, trigger.value, f"node `{activation.node}` failed, and nobody can be asked what to do: {fault}")
        return False
    skip = () if m.node_of(activation).routes or activation.kind == "plan" else ("skip",)
    outcomes = ("retry", *skip, *(("complete",) if uncertain else ()), ABORT)
    ask = f"node `{activation.node}` failed: {error.type}: {error.message}"
    pause = _new(m, (trigger,), activation.id, ask, outcomes)
    pause.call, pause.error = call, error
    _hold(m, activation, pause, wanted)
    return True


def open_for_limit(m: Machine, activation: Activation, ask: str, limit: str) -> None:
    """Ask what becomes of an agent that has reached a limit; people who may answer there are."""
    again = () if limit == "budget" else (offers.CONTINUE,)
    pause = _new(m, (Trigger.BUDGET,), activation.id, ask, (*again, offers.REDUCE, ABORT))
    pause.limit = limit
    _hold(m, activation, pause, at_first(m, pause.triggers))


def open_for_gap(m: Machine, waiter: Activation, gap: GapState, words: GapWords) -> None:
    """Ask for something that the run lacks; the call that waits for it, if one does, is the waiter's.

    A toast tells of what is not waited for: what is asked, waits.
    """
    pause = _new(m, (Trigger.GAP,), waiter.id, words.ask, words.outcomes)
    pause.ui = "modal" if pause.ui == "toast" else pause.ui
    pause.show, pause.call, gap.pause = words.show or None, waiter.call, pause.id
    _hold(m, waiter, pause, at_first(m, pause.triggers))


def hand_over(m: Machine, pause: PauseState, heir: Activation, ask: str) -> None:
    """The activation that a question was put for is gone, and another waits for the same: it is put anew for that."""
    forget_timer(m, pause)
    pause.activation, pause.call, pause.ask = heir.id, heir.call, ask
    put(m, pause, Standard(pause.answerers, pause.quorum, pause.not_starter), again=True)


def open_human(m: Machine, activation: Activation, node: HumanNode, ask: str, show: str | None) -> None:
    """Ask what a human node asks; a node that nobody could answer fails."""
    pause = PauseState(
        id=f"p{m.state.totals.pauses + 1}",
        triggers=(Trigger.HUMAN_NODE,),
        ui=node.ui,
        activation=activation.id,
        ask=ask,
        show=show,
        outcomes=node.outcomes,
        form=node.form,
        opened_ms=m.state.now_ms,
        deadline_ms=None if node.deadline_s is None else m.state.now_ms + seconds_ms(node.deadline_s),
        on_timeout=node.on_timeout,
    )
    wanted = at_first(m, pause.triggers, node)
    fault = why_unaskable(m, pause, wanted)
    if fault is not None:
        m.todo.append(Fail(activation.id, problem(FailureType.POLICY_DENIED, fault, activation)))
        return
    m.state.totals.pauses += 1
    _hold(m, activation, pause, wanted)


def close_pause(m: Machine, pause: PauseState) -> None:
    """Forget a pause: it was answered, it expired, or its branch was cancelled."""
    del m.state.pauses[pause.id]
    m.state.closed_pauses.append(pause.id)
    del m.state.closed_pauses[:-KEEP_CLOSED]
    forget_timer(m, pause)
    if not pause.activation:
        _let_run(m)
        return
    activation = m.state.activations[pause.activation]
    activation.pause = None
    if activation.status == "waiting":
        activation.status = "running"


def close_run_pauses(m: Machine) -> None:
    """Nothing holds the run any more."""
    for pause in [pause for pause in m.state.pauses.values() if not pause.activation]:
        close_pause(m, pause)


def _let_run(m: Machine) -> None:
    """The oldest pause that holds the run holds it. Without any, calls that waited are decided, and the run may end."""
    m.state.halted = next((pause.id for pause in m.state.pauses.values() if not pause.activation), None)
    spending.start_clocks(m)
    if m.state.halted is None:
        at_the_end = [path for path, step in m.state.deferred.items() if isinstance(step, Enter)]
        m.todo.extend(m.state.deferred.pop(path) for path in at_the_end)


def _new(m: Machine, triggers: tuple[Trigger, ...], activation: str, ask: str, outcomes: tuple[str, ...]) -> PauseState:
    shown, _ = UNANSWERED[triggers[0]]
    first = m.policy.triggers.get(triggers[0])
    deadline_ms, on_timeout = silence_of(m, triggers, outcomes, m.state.now_ms)
    m.state.totals.pauses += 1
    return PauseState(
        id=f"p{m.state.totals.pauses}",
        triggers=triggers,
        ui=shown if first is None else first.ui,
        activation=activation,
        ask=ask,
        show=None,
        outcomes=outcomes,
        form=None,
        opened_ms=m.state.now_ms,
        deadline_ms=deadline_ms,
        on_timeout=on_timeout,
    )


def _hold(m: Machine, activation: Activation, pause: PauseState, wanted: Standard) -> None:
    activation.pause = pause.id
    activation.status = "waiting"
    spending.stop_clock(m, activation)
    put(m, pause, wanted)
    slots.park_call(m, activation)
