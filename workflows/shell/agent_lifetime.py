"""The workflow: one run of one graph, from admission to its result."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import ApplicationError

from workflows.contracts import names
from workflows.contracts.failures import ErrorInfo, FailureType
from workflows.contracts.pause import Answer, AnswerReceipt, Control, PauseView, Refusal
from workflows.contracts.run import RunView
from workflows.engine.events import CancelRequested, CarryResumed, DrainRequested, HoldLifted, HoldRequested, RunStarted
from workflows.shell import ending
from workflows.shell.admission import Admitted, open_run
from workflows.shell.carry import CarryPlan, next_input
from workflows.shell.perform import now_ms
from workflows.shell.session import Session

ANSWER_HELP = "Answers a pause. One JSON object: v, pause, outcome, by; digest and data where wanted."
PAUSE_HELP = "Holds the run: no new call starts. One JSON object: by, reason."
RESUME_HELP = "Lifts a hold made by `pause`. One JSON object: by, reason."


@workflow.defn(name=names.WORKFLOW)
class AgentLifetime:
    """One run. Everything it decides is the engine's; this class only waits."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._cancelled = False

    @workflow.run
    async def run(self, raw: Any) -> RunView:  # noqa: ANN401  anything may be sent here; it is parsed inside
        """Run the graph to its end; see `ending` for what each end looks like to Temporal."""
        try:
            admitted = await open_run(raw)
        except asyncio.CancelledError:
            ending.refuse(ErrorInfo(type=FailureType.CANCELLED, message="cancelled before it began"), phase="cancelled")
        session = Session(admitted.engine, admitted.told)
        if admitted.carried:
            session.restart_timers()
        session.post(CarryResumed(now_ms()) if admitted.carried else RunStarted(now_ms()))
        session.work()
        self._session = session
        workflow.set_current_details(session.page())
        await self._live(session, admitted)
        return ending.close(session.engine.view())

    async def _live(self, session: Session, admitted: Admitted) -> None:
        plan = CarryPlan(admitted.card)
        while not session.engine.over:
            await self._next_event(session)
            session.work()
            workflow.set_current_details(session.page())
            if plan.due() and not session.engine.over:
                await self._carry(session, admitted, plan)
        await workflow.wait_condition(workflow.all_handlers_finished)

    async def _next_event(self, session: Session) -> None:
        try:
            await workflow.wait_condition(lambda: session.has_mail or session.engine.over)
        except asyncio.CancelledError:
            session.post(CancelRequested(now_ms(), "a cancel request"))

    async def _carry(self, session: Session, admitted: Admitted, plan: CarryPlan) -> None:
        """Stop issuing calls, let those in flight end, then go on in a new history."""
        session.post(DrainRequested(now_ms()))
        session.work()
        if await self._drained(session, plan):
            await workflow.wait_condition(workflow.all_handlers_finished)
            session.work()
            if not session.engine.over:
                told = session.attributes.told
                workflow.continue_as_new(next_input(admitted.run_input, admitted.card, session.engine, told))
        session.post(CarryResumed(now_ms()))
        session.work()

    async def _drained(self, session: Session, plan: CarryPlan) -> bool:
        """Wait for the calls in flight; False when one outlasts our patience, or the run is cancelled meanwhile."""
        if not session.engine.calls_in_flight:
            return True
        try:
            await asyncio.wait_for(self._calls_ended(session), plan.patience_s())
        except TimeoutError:
            plan.put_off()
            return False
        except asyncio.CancelledError:
            session.post(CancelRequested(now_ms(), "a cancel request"))
            return False
        return True

    @staticmethod
    async def _calls_ended(session: Session) -> None:
        while session.engine.calls_in_flight:
            await workflow.wait_condition(lambda: session.has_mail)
            session.work()

    @workflow.query(name=names.QUERY_VIEW)
    def view(self) -> RunView:
        """The run as it stands."""
        return self._running().engine.view()

    @workflow.query(name=names.QUERY_PAUSES)
    def pauses(self) -> list[PauseView]:
        """The open pauses, oldest first."""
        return self._running().engine.pauses()

    @workflow.update(name=names.UPDATE_ANSWER, description=ANSWER_HELP)
    async def answer(self, raw: Any) -> AnswerReceipt:  # noqa: ANN401  parsed inside
        """Answer a pause; an answer that cannot be taken fails with `AnswerRefused` and changes nothing."""
        session = await self._started()
        outcome = session.answer(_answer(raw))
        if isinstance(outcome, Refusal):
            _refused(outcome.reason)
        return outcome

    @answer.validator
    def check_answer(self, raw: Any) -> None:  # noqa: ANN401  parsed inside
        """Refuse what is malformed or names no open pause, which leaves no trace in the history."""
        parsed = _answer(raw)
        if self._session is not None:
            reason = self._session.engine.why_refused(parsed)
            if reason is not None:
                _refused(reason)

    @workflow.signal(name=names.SIGNAL_ANSWER, description=ANSWER_HELP)
    async def answer_signal(self, raw: Any) -> None:  # noqa: ANN401  parsed inside
        """The same as the update for those who can only signal; refusals are in `view.refusals`."""
        session = await self._started()
        try:
            session.answer(_answer(raw))
        except ApplicationError as error:
            session.note_malformed(error.message)

    @workflow.update(name=names.UPDATE_PAUSE, description=PAUSE_HELP)
    async def pause(self, raw: Any) -> str:  # noqa: ANN401  parsed inside
        """Hold the run at the next safe point."""
        session = await self._started()
        session.post(HoldRequested(now_ms(), _control(raw).by))
        session.work()
        return session.engine.phase

    @workflow.update(name=names.UPDATE_RESUME, description=RESUME_HELP)
    async def resume(self, raw: Any) -> str:  # noqa: ANN401  parsed inside
        """Lift a hold; a pause with an id is lifted only by an answer."""
        session = await self._started()
        session.post(HoldLifted(now_ms(), _control(raw).by))
        session.work()
        return session.engine.phase

    async def _started(self) -> Session:
        await workflow.wait_condition(lambda: self._session is not None)
        return self._running()

    def _running(self) -> Session:
        if self._session is None:
            raise ApplicationError("the run has not been admitted yet; ask again", type="NotStarted")
        return self._session


def _answer(raw: object) -> Answer:
    try:
        return Answer.model_validate(raw)
    except ValidationError as error:
        _refused(f"the answer does not parse: {_first_fault(error)}", kind="InvalidAnswer")


def _control(raw: object) -> Control:
    try:
        return Control.model_validate({} if raw is None else raw)
    except ValidationError as error:
        _refused(f"the argument does not parse: {_first_fault(error)}", kind="InvalidAnswer")


def _first_fault(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"`{'.'.join(str(part) for part in first['loc'])}`: {first['msg']}"


def _refused(reason: str, *, kind: str = FailureType.ANSWER_REFUSED) -> NoReturn:
    raise ApplicationError(reason, type=kind, non_retryable=True)
