"""Open pauses as people and programs see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.limits import WORDS, write_amounts
from policies.model import Trigger
from workflows.contracts.pause import PauseView
from workflows.engine.answering import answered_by
from workflows.engine.asking import asked_call
from workflows.engine.clock import rfc3339
from workflows.engine.offers import raisable
from workflows.engine.questions import call_of, visit_of
from workflows.engine.standards import wanted_of

if TYPE_CHECKING:
    from workflows.engine.machine import Machine
    from workflows.engine.state import PauseState


def pause_views(m: Machine) -> list[PauseView]:
    """The open pauses, oldest first."""
    return [_pause_view(m, pause) for pause in m.state.pauses.values()]


def _pause_view(m: Machine, pause: PauseState) -> PauseView:
    call = call_of(m, pause)
    return PauseView(
        id=pause.id,
        trigger=pause.triggers[0].value,
        triggers=tuple(trigger.value for trigger in pause.triggers),
        ui=pause.ui,
        node=m.state.activations[pause.activation].node if pause.activation else "",
        activation=visit_of(m, pause),
        ask=pause.ask,
        show=pause.show,
        call=None if call is None else asked_call(m, call),
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
    )


def _budget(m: Machine, pause: PauseState) -> dict[str, object]:
    """Which rungs of the ladder ask, and how much more of each unit people may still give."""
    left = write_amounts(raisable(m, pause.rungs), tuple(WORDS))
    return {"rungs": [f"{place}.{rung}" for place, rung in pause.rungs], "max_raise": left}
