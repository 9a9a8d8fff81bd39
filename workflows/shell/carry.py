"""From one history of a run to the next: when, and what goes along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio import workflow

from workflows.contracts.run import Carry
from workflows.shell import options

if TYPE_CHECKING:
    from workflows.contracts.run import RunCard, RunInput
    from workflows.engine.engine import Engine


class CarryPlan:
    """Decides when a history has grown long enough; what had to be put off is tried again 500 events later."""

    def __init__(self, card: RunCard) -> None:
        self._after = card.carry_after_events
        self._not_before = 0

    def due(self) -> bool:
        """Whether the run should stop issuing calls now."""
        info = workflow.info()
        length = info.get_current_history_length()
        if length < self._not_before:
            return False
        return length >= self._after or info.is_continue_as_new_suggested()

    def patience_s(self) -> float | None:
        """How long to wait for calls in flight; null (until they end) once the history is really long."""
        certain = workflow.info().get_current_history_length() >= options.DRAIN_FOR_CERTAIN
        return None if certain else options.DRAIN_S

    def put_off(self) -> None:
        """A call outlasts our patience: let the run go on for now."""
        self._not_before = workflow.info().get_current_history_length() + options.DRAIN_AGAIN_EVENTS


def next_input(run_input: RunInput, engine: Engine, told: dict[str, object]) -> RunInput:
    """The input of the next history: the same run with everything that it remembers."""
    return run_input.model_copy(update={"carry": Carry(card=engine.card, snapshot=engine.snapshot(), told=told)})
