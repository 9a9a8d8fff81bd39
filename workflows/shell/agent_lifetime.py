"""The workflow: one run of one graph, from admission to its result."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from workflows.contracts import names
from workflows.contracts.failures import ErrorInfo, FailureType
from workflows.contracts.pause import AnswerReceipt, PauseView, Refusal
from workflows.contracts.run import RunInput, RunView
from workflows.engine.auditing import digest_of
from workflows.engine.events import CarryResumed, DrainRequested, RunStarted
from workflows.engine.observing import Observer
from workflows.shell import ending, heads
from workflows.shell.admission import Admitted, open_run
from workflows.shell.carry import CarryPlan, next_input
from workflows.shell.controlling import bare_cancel, check_kept, obey, repin
from workflows.shell.perform import now_ms
from workflows.shell.sent import answer_of, call_control_of, control_of, one_of, refused, steer_of
from workflows.shell.session import Session

ANSWER_HELP = "Answers a pause. One JSON object: v, pause, outcome, by; digest and data where wanted."
PAUSE_HELP = "Holds the run: no new call starts. One JSON object: by, reason."
RESUME_HELP = "Lifts a hold made by `pause`. One JSON object: by, reason."
CANCEL_HELP = "Cancels the run. One JSON object: by, reason."
REPIN_HELP = "Puts the run under its worker's present policy. One signed JSON object: by, policy_digest and the rest."
STEER_HELP = "Tells an agent something. One JSON object: by, text; agent where several are at work; interrupt."
CANCEL_CALL_HELP = "Gives up a call in flight that changes nothing. One JSON object: by, call."


@workflow.defn(name=names.WORKFLOW)
class AgentLifetime:
    """One run. Everything it decides is the engine's; this class only waits.

    Its methods take whatever is sent, none or several arguments too, and parse it inside: a wrong call of
    a method would fail the workflow task, which Temporal repeats for ever.
    """

    def __init__(self) -> None:
        self.observer: Observer | None = None
        self._session: Session | None = None
        self._run_input: RunInput | None = None
        self._refused: str | None = None

    @workflow.run
    async def run(self, *sent: Any) -> dict[str, Any]:
        """Run the graph to its end; see `ending` for what each end looks like to Temporal."""
        raw, began_ms = one_of(sent), int(workflow.info().workflow_start_time.timestamp() * 1000)
        admitted = await self._open(raw)
        if self.observer is not None:
            admitted.engine.watch(self.observer)
        session = Session(admitted.engine, admitted.told)
        if admitted.carried:
            session.restart_timers(began_ms)
        session.post(_beginning(admitted, raw, began_ms))
        session.work()
        self._run_input = admitted.run_input
        self._session = session
        await self._live(session, admitted)
        return ending.close(heads.closing(session.engine))

    async def _open(self, raw: object) -> Admitted:
        try:
            return await open_run(raw)
        except asyncio.CancelledError:
            ending.refuse(ErrorInfo(type=FailureType.CANCELLED, message="cancelled before it began"), phase="cancelled")
        except ApplicationError as error:
            self._refused = error.message
            await workflow.wait_condition(workflow.all_handlers_finished)  # whoever sent something is told why
            raise

    async def _live(self, session: Session, admitted: Admitted) -> None:
        plan = CarryPlan(admitted.card)
        while not session.engine.over:
            workflow.set_current_details(session.page())
            await self._next_event(session)
            session.work()
            if plan.due() and not session.engine.over:
                await self._carry(session, admitted, plan)
        workflow.set_current_details(session.page())
        await self._handlers_done(session)

    async def _next_event(self, session: Session) -> None:
        """Wait for mail, or for a handler to have worked: what people see and the history's length change by both."""
        seen = session.applied
        try:
            await workflow.wait_condition(lambda: session.has_mail or session.applied != seen)
        except asyncio.CancelledError:
            bare_cancel(session)

    async def _carry(self, session: Session, admitted: Admitted, plan: CarryPlan) -> None:
        """Stop issuing calls, let those in flight end, then go on in a new history."""
        session.post(DrainRequested(now_ms()))
        session.work()
        if await self._drained(session, plan):
            await self._handlers_done(session)
            if workflow.cancellation_reason() is not None and not session.cancel_seen:  # the next would not hear of it
                bare_cancel(session)
            session.work()
            if not session.engine.over:
                told = session.attributes.told
                workflow.continue_as_new(next_input(admitted.run_input, session.engine, told))
        session.post(CarryResumed(now_ms()))
        session.work()

    @staticmethod
    async def _handlers_done(session: Session) -> None:
        """Let updates that are being handled end; a cancel request that comes meanwhile is not lost."""
        try:
            await workflow.wait_condition(workflow.all_handlers_finished)
        except asyncio.CancelledError:
            bare_cancel(session)

    async def _drained(self, session: Session, plan: CarryPlan) -> bool:
        """Wait for the calls in flight; False when one outlasts our patience, or the run is cancelled meanwhile."""
        if not session.engine.busy:
            return True
        try:
            await asyncio.wait_for(self._calls_ended(session), plan.patience_s())
        except TimeoutError:
            plan.put_off()
            return False
        except asyncio.CancelledError:
            bare_cancel(session)
            return False
        return True

    @staticmethod
    async def _calls_ended(session: Session) -> None:
        while session.engine.busy:
            await workflow.wait_condition(lambda: session.has_mail or not session.engine.busy)
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
    async def answer(self, *sent: Any) -> AnswerReceipt:
        """Answer a pause; an answer that cannot be taken fails with `AnswerRefused` and changes nothing."""
        session = await self._started()
        outcome = session.answer(answer_of(sent))
        if isinstance(outcome, Refusal):
            raise refused(outcome.reason, outcome)
        return outcome

    @answer.validator
    def check_answer(self, *sent: Any) -> None:
        """Refuse what is malformed, too large or names no open pause, which leaves no trace in the history."""
        parsed = answer_of(sent)
        if self._session is not None:
            reason = self._session.engine.why_rejected(parsed, now_ms())
            if reason is not None:
                raise refused(reason)

    @workflow.signal(name=names.SIGNAL_ANSWER, description=ANSWER_HELP)
    async def answer_signal(self, *sent: Any) -> None:
        """The same as the update for those who can only signal; refusals are in `view.refusals`."""
        session = await self._started()
        try:
            session.answer(answer_of(sent))
        except ApplicationError as error:
            session.note_malformed(error.message)

    @workflow.update(name=names.UPDATE_PAUSE, description=PAUSE_HELP)
    async def pause(self, *sent: Any) -> str:
        """Hold the run at the next safe point."""
        return obey(await self._started(), "pause", control_of(sent))

    @workflow.update(name=names.UPDATE_RESUME, description=RESUME_HELP)
    async def resume(self, *sent: Any) -> str:
        """Lift a hold; a pause with an id is lifted only by an answer."""
        return obey(await self._started(), "resume", control_of(sent))

    @workflow.update(name=names.UPDATE_CANCEL, description=CANCEL_HELP)
    async def cancel(self, *sent: Any) -> str:
        """Cancel the run; what must finish finishes first."""
        return obey(await self._started(), "cancel", control_of(sent))

    @workflow.update(name=names.UPDATE_REPIN, description=REPIN_HELP)
    async def repin(self, *sent: Any) -> str:
        """Go on under the policy that the worker has now, as somebody who may has signed."""
        session, control = await self._started(), control_of(sent)
        assert self._run_input is not None, "a run that has started was admitted"
        return await repin(session, self._run_input, control)

    @workflow.update(name=names.UPDATE_STEER, description=STEER_HELP)
    async def steer(self, *sent: Any) -> str:
        """Tell an agent something, which it reads after the results of its turn."""
        return obey(await self._started(), "steer", steer_of(sent))

    @workflow.update(name=names.UPDATE_CANCEL_CALL, description=CANCEL_CALL_HELP)
    async def cancel_call(self, *sent: Any) -> str:
        """Give up a call in flight; one that changes something runs to its end."""
        return obey(await self._started(), "cancel_call", call_control_of(sent))

    @steer.validator
    def check_steer(self, *sent: Any) -> None:
        """Refuse what is malformed, and secrets, which leaves no trace in the history."""
        check_kept(self._session, steer_of(sent))

    @cancel_call.validator
    def check_cancel_call(self, *sent: Any) -> None:
        """Refuse what is malformed."""
        check_kept(self._session, call_control_of(sent))

    @pause.validator
    def check_pause(self, *sent: Any) -> None:
        """Refuse what is malformed."""
        control_of(sent)

    @resume.validator
    def check_resume(self, *sent: Any) -> None:
        """Refuse what is malformed."""
        control_of(sent)

    @cancel.validator
    def check_cancel(self, *sent: Any) -> None:
        """Refuse what is malformed."""
        control_of(sent)

    @repin.validator
    def check_repin(self, *sent: Any) -> None:
        """Refuse what is malformed."""
        control_of(sent)

    async def _started(self) -> Session:
        await workflow.wait_condition(lambda: self._session is not None or self._refused is not None)
        return self._running()

    def _running(self) -> Session:
        if self._refused is not None:
            raise ApplicationError(f"the run was not admitted: {self._refused}", type="NotAdmitted")
        if self._session is None:
            raise ApplicationError("the run has not been admitted yet; ask again", type="NotStarted")
        return self._session


def _beginning(admitted: Admitted, raw: object, began_ms: int) -> RunStarted | CarryResumed:
    """The run's first event in this history, with the digests of what it was given: its audit begins with them.

    Its time is that of the history's first event: the clock is not to be had again after a local activity.
    """
    sent, run_id = digest_of(raw), workflow.info().original_execution_run_id
    if admitted.carried:
        return CarryResumed(began_ms, sent, run_id)
    card = digest_of(admitted.card.model_dump(mode="json", exclude_defaults=True))
    return RunStarted(began_ms, sent, card, run_id)
