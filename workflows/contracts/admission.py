"""What a run tells `run.admit` of itself."""

from __future__ import annotations

from typing import Any

from workflows.contracts.wire import Wire


class ParentRun(Wire):
    """The run that started this one as its child."""

    workflow_id: str
    run_id: str


class AdmitRequest(Wire):
    """The argument of `run.admit`: the run's input as it came, and where Temporal says that the run stands.

    `run_id` is the one of the history's first event, which a reset does not change. `continued_run_id` is the
    history that this one goes on from, `started_ms` when it began, in UTC milliseconds. `seal` is what the
    header of the first event holds, as base64.
    """

    v: int = 1
    run: Any = None
    run_id: str
    first_run_id: str
    continued_run_id: str | None = None
    parent: ParentRun | None = None
    started_ms: int = 0
    seal: str | None = None
