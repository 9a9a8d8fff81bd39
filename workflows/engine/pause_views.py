"""Open pauses as people and programs see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.limits import WORDS, write_amounts
from policies.model import Trigger
from workflows.contracts.pause import GapView, PauseView
from workflows.engine.answering import answered_by
from workflows.engine.asking import asked_call, asked_for
from workflows.engine.clock import rfc3339
from workflows.engine.gap_prompts import repair_prompt
from workflows.engine.gaps import of_pause
from workflows.engine.offers import raisable
from workflows.engine.questions import call_of, visit_of
from workflows.engine.standards import wanted_of

if TYPE_CHECKING:
    from workflows.engine.gap_state import GapState
    from workflows.engine.machine import Machine
    from workflows.engine.state import PauseState


def pause_views(m: Machine) -> list[PauseView]:
    """The open pauses, oldest first."""
    return [_pause_view(m, pause) for pause in m.state.pauses.values()]


def _pause_view(m: Machine, pause: PauseState) -> PauseView:
    call, gap = call_of(m, pause), of_pause(m, pause)
    return PauseView(
        id=pause.id,
        trigger=pause.triggers[0].value,
        triggers=tuple(trigger.value for trigger in pause.triggers),
        ui=pause.ui,
        node=m.state.activations[pause.activation].node if pause.activation else "",
        activation=visit_of(m, pause),
        ask=pause.ask,
        show=pause.show,
        call=asked_for(gap) if call is None else asked_call(m, call),
        error=None if pause.error is None else pause.error.model_dump(exclude_none=True),
        outcomes=pause.outcomes,
        form=pause.form,
        digest=pause.digest,
        opened_at=rfc3339(pause.opened_ms),
        deadline=None if pause.deadline_ms is None else rfc3339(pause.deadline_ms),
        on_timeout=pause.on_timeout,
        answerers=pause.answerers,
        quorum=pause.quorum,
        not_starter=pause.not_starter,
        signed=wanted_of(m, pause).signed,
        answered_by=answered_by(m, pause),
        lacks=pause.lacks,
        asked=pause.asked,
        budget=_budget(m, pause) if Trigger.BUDGET in pause.triggers else None,
        gap=None if gap is None else _gap(m, gap),
    )


def _gap(m: Machine, gap: GapState) -> GapView:
    return GapView(
        key=gap.key,
        kind=gap.kind,
        name=gap.name,
        reason=gap.reason,
        source=gap.source,
        asker=gap.asker,
        example=gap.example,
        digest=gap.digest,
        diff=gap.diff,
        waiters=tuple(gap.waiters),
        probing=gap.probing,
        failed=gap.failed,
        prompt=repair_prompt(gap, m.run.workflow_id),
    )


def _budget(m: Machine, pause: PauseState) -> dict[str, object]:
    """Which rungs of the ladder ask, and how much more of each unit people may still give."""
    left = write_amounts(raisable(m, pause.rungs), tuple(WORDS))
    return {"rungs": [f"{place}.{rung}" for place, rung in pause.rungs], "max_raise": left}
