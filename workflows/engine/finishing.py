"""How a run ends: nothing new starts, what must finish finishes, then the result stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.engine import auditing, bindings, leasing
from workflows.engine.commands import FinishRun
from workflows.engine.pauses import close_run_pauses
from workflows.engine.scopes import cancel_frame
from workflows.engine.state import ROOT, Ending

if TYPE_CHECKING:
    from workflows.contracts.failures import ErrorInfo
    from workflows.contracts.run import Phase
    from workflows.engine.machine import Machine
    from workflows.engine.state import Frame


def begin_ending(
    m: Machine, phase: Phase, *, frame: Frame | None = None, output: object = None, error: ErrorInfo | None = None
) -> None:
    """Decide how the run ends; the first in event order wins. `frame` is the one whose state is kept."""
    if m.state.ending is not None:
        return
    seen = m.state.frames[ROOT] if frame is None else frame
    values = {name: bindings.find(m, seen, name)[1] for name in m.graph.channels}
    m.state.ending = Ending(phase=phase, output=output, error=error, values=values)
    m.todo.clear()
    cancel_frame(m, m.state.frames[ROOT])
    close_run_pauses(m)
    m.todo.clear()


def _error_type(m: Machine) -> str | None:
    ending = m.state.ending
    return None if ending is None or ending.error is None else ending.error.type


def finish_if_quiet(m: Machine) -> None:
    """Once a run is ending and nothing is in flight, it is over."""
    if m.state.ending is not None and m.state.in_flight == 0 and not m.state.over and not leasing.pending(m):
        m.state.over = True
        m.state.ended_ms = m.state.now_ms
        auditing.note(m, "ended", phase=m.state.ending.phase, error=_error_type(m))
        m.out.append(FinishRun())
