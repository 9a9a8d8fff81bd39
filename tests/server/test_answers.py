"""Answers that cannot be taken are refused with a reason, and leave the run as it was."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from temporalio.client import WithStartWorkflowOperation, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from tests.support.runs import Run, graph_of, human
from workflows.contracts.names import UPDATE_ANSWER, WORKFLOW

if TYPE_CHECKING:
    from tests.server.conftest import TemporalCommand
    from tests.support.runs import Runs
    from workflows.contracts.run import RunView

FORM = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
ASK = graph_of(
    {"ask": human("yes", "no", to="end", form=FORM, writes={"said": "${result}"})},
    state={"said": {"reducer": "last"}},
    output={"said": "${state.said}"},
)
GOOD: dict[str, object] = {"v": 1, "pause": "p1", "outcome": "yes", "by": "ada", "data": {"n": 1}}
MEGABYTES_5 = "z" * 5_000_000


def but(**fields: object) -> dict[str, object]:
    return {**GOOD, **fields}


UNFIT: dict[str, tuple[object, str]] = {
    "wrong outcome": (but(outcome="maybe"), "`maybe` is not an outcome of p1; choose one of yes, no"),
    "no data": (but(data=None), "data does not fit the form"),
    "wrong data": (but(data={"n": "one"}), "data does not fit the form"),
    "more data": (but(data={"n": 1, "m": 2}), "data does not fit the form"),
    "other digest": (but(digest="0" * 64), "the digest is not that of the question as it stands"),
    "scope run": (but(scope="run"), "scope `run` goes with `approve`"),
    "scope tenant": (but(scope="tenant"), "a `digest` is needed where signatures are"),
    "signature": (but(signature="x"), "`ada` is nobody whom the operator's policy knows"),
    "expiry": (but(expires_at="2020-01-01T00:00:00Z"), "it has expired"),
}
TRACELESS: dict[str, tuple[object, str]] = {
    "unknown pause": (but(pause="p9"), "there is no open pause `p9`; open: p1"),
    "oversized data": (but(data={"n": 1, "m": MEGABYTES_5}), "data has 5,0"),
}
MALFORMED: dict[str, tuple[object, str]] = {
    "extra field": (but(comment="hi"), "`comment`: extra inputs are not permitted"),
    "newer version": (but(v=2), "`v`: input should be 1"),
    "no pause": ({"outcome": "yes"}, "`pause`: field required"),
    "empty pause": (but(pause=""), "`pause`: string should have at least 1 character"),
    "long pause": (but(pause="p" * 1000), "`pause`: string should have at most 512 characters"),
    "a list": ([GOOD], "it is not one JSON object"),
    "text": ("yes", "it is not one JSON object"),
    "a number": (1, "it is not one JSON object"),
    "null": (None, "it is not one JSON object"),
    "outcome no text": (but(outcome=1), "`outcome`: input should be a valid string"),
    "by no text": (but(by=["ada"]), "`by`: input should be a valid string"),
}


async def waiting(runs: Runs) -> tuple[Run, RunView]:
    run = await runs.start(ASK)
    await run.pause()
    return run, await run.view()


async def refusal(run: Run, payload: object) -> ApplicationError:
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await run.handle.execute_update(UPDATE_ANSWER, payload)
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    return cause


def unchanged(after: RunView, before: RunView) -> bool:
    """Whether only what is refused has been recorded since."""
    assert after.audit is not None
    return after.model_copy(update={"refusals": (), "audit": before.audit}) == before


async def test_an_update_that_does_not_fit_is_refused_and_recorded(runs: Runs) -> None:
    run, before = await waiting(runs)
    for payload, reason in UNFIT.values():
        refused = await refusal(run, payload)
        assert refused.type == "AnswerRefused"
        assert reason in refused.message
        after = await run.view()
        assert refused.details == (after.refusals[-1].model_dump(),)
        assert unchanged(after, before)
    assert (await run.answer("yes", data={"n": 1}))["outcome"] == "yes"
    assert (await run.closed()).phase == "completed"


async def test_after_twenty_refusals_an_update_leaves_no_trace(runs: Runs) -> None:
    run, _ = await waiting(runs)
    for _ in range(20):
        await run.signal(but(outcome="maybe"))
    await run.until(lambda view: len(view.refusals) == 20)
    events = await run.types()
    assert "not an outcome" in (await refusal(run, but(outcome="maybe"))).message
    assert await run.types() == events
    assert (await run.answer("yes", data={"n": 1}))["outcome"] == "yes"


async def test_an_update_that_is_malformed_is_refused_without_a_trace(runs: Runs) -> None:
    run, before = await waiting(runs)
    events = await run.types()
    for payload, reason in TRACELESS.values():
        refused = await refusal(run, payload)
        assert refused.type == "AnswerRefused"
        assert reason in refused.message
    for payload, reason in MALFORMED.values():
        refused = await refusal(run, payload)
        assert refused.type == "InvalidAnswer"
        assert reason in refused.message
        assert refused.cause is None, "pydantic's own words are not for people"
    assert await run.types() == events, "a rejected update leaves no event"
    assert await run.view() == before
    assert (await run.answer("yes", data={"n": 1}))["outcome"] == "yes"
    assert (await run.closed()).phase == "completed"


async def test_a_signal_that_does_not_fit_is_refused_where_people_can_see_it(runs: Runs) -> None:
    run, before = await waiting(runs)
    for payload, reason in (UNFIT | TRACELESS).values():
        await run.signal(payload)
        last = (await run.view()).refusals[-1]
        assert reason in last.reason
        assert isinstance(payload, dict)
        assert (last.pause, last.outcome, last.by) == (payload["pause"], payload["outcome"], "claimed:ada")
    after = await run.view()
    assert len(after.refusals) == len(UNFIT | TRACELESS)
    assert unchanged(after, before)
    await run.signal(GOOD)
    assert (await run.closed()).phase == "completed"


async def test_a_malformed_signal_is_refused_where_people_can_see_it(runs: Runs) -> None:
    run, before = await waiting(runs)
    for payload, reason in MALFORMED.values():
        await run.signal(payload)
        assert reason in (await run.view()).refusals[-1].reason
    assert unchanged(await run.view(), before)


async def test_at_most_twenty_refusals_are_kept(runs: Runs) -> None:
    run, _ = await waiting(runs)
    for number in range(25):
        await run.signal(but(pause=f"x{number}"))
    refusals = (await run.view()).refusals
    assert [refusal.pause for refusal in refusals] == [f"x{number}" for number in range(5, 25)]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--input", "1", "--input", "2"],
        ["--input", '{"pause": "\\ud800"}'],
        ["--input", "[" * 500 + "]" * 500],
        ["--input", "x", "--input-meta", "encoding=binary/plain"],
        ["--input", "x", "--input-meta", "encoding=what/ever"],
    ],
    ids=["none", "two", "lone surrogate", "deep", "bytes", "unknown encoding"],
)
async def test_no_arguments_however_odd_stick_a_run(runs: Runs, temporal: TemporalCommand, words: list[str]) -> None:
    run, before = await waiting(runs)
    await temporal("workflow", "signal", "-w", run.handle.id, "--name", "answer", *words)
    assert (await run.view()).pauses == before.pauses
    assert not [kind for kind in await run.types() if kind == "WORKFLOW_TASK_FAILED"]
    await run.answer("yes", data={"n": 1})
    assert (await run.closed()).phase == "completed"


async def test_a_second_answer_is_refused(runs: Runs) -> None:
    nodes = {"ask": human("yes", "no", to="again"), "again": human("yes", to="end")}
    run = await runs.start(graph_of(nodes))
    await run.answer("yes", pause="p1")
    before = await run.view()
    refused = await refusal(run, {"pause": "p1", "outcome": "no"})
    assert refused.message == "p1 was already answered, expired or was cancelled"
    await run.signal({"pause": "p1", "outcome": "no"})
    after = await run.view()
    assert "already answered" in after.refusals[-1].reason
    assert unchanged(after, before)
    await run.answer("yes", pause="p2")
    assert (await run.closed()).phase == "completed"


async def test_the_same_update_sent_again_is_the_same_answer(runs: Runs) -> None:
    nodes = {"ask": human("yes", to="again"), "again": human("yes", to="end")}
    run = await runs.start(graph_of(nodes))
    await run.pause()
    payload = {"pause": "p1", "outcome": "yes"}
    receipts = [await run.handle.execute_update(UPDATE_ANSWER, payload, id="answer:p1:x") for _ in range(2)]
    assert receipts[0] == receipts[1]
    assert [pause.id for pause in await run.pauses()] == ["p2"]


async def test_of_two_different_answers_at_once_exactly_one_wins(runs: Runs) -> None:
    async def send(run: Run, outcome: str) -> object:
        return await run.handle.execute_update(UPDATE_ANSWER, but(outcome=outcome, by=outcome))

    for _ in range(5):
        run, _ = await waiting(runs)
        said = await asyncio.gather(*(send(run, outcome) for outcome in ("yes", "no")), return_exceptions=True)
        taken = [one["outcome"] for one in said if isinstance(one, dict)]
        assert len(taken) == 1
        assert len([one for one in said if isinstance(one, WorkflowUpdateFailedError | RPCError)]) == 1
        output = (await run.closed()).output
        assert (output["said"]["outcome"], output["said"]["by"]) == (taken[0], f"claimed:{taken[0]}")


async def test_an_answer_to_a_closed_run_is_refused_by_the_server(runs: Runs) -> None:
    run, _ = await waiting(runs)
    await run.answer("yes", data={"n": 1})
    before = await run.closed()
    with pytest.raises(RPCError, match="already completed"):
        await run.handle.execute_update(UPDATE_ANSWER, GOOD)
    with pytest.raises(RPCError, match="already completed"):
        await run.signal(GOOD)
    assert await run.closed() == before


async def test_an_answer_that_is_there_before_its_question_waits_for_it(runs: Runs) -> None:
    run = await runs.start(ASK, start_signal="answer", start_signal_args=[GOOD])
    view = await run.closed()
    assert view.output["said"]["payload"] == {"n": 1}
    assert view.refusals == ()


async def test_an_answer_to_a_run_that_is_not_admitted_is_told_why(runs: Runs) -> None:
    start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        WORKFLOW,
        {"graph": {**ASK, "start": "nowhere"}},
        id=f"default/g/{runs.key()}",
        task_queue=runs.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
    )
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await runs.client.execute_update_with_start_workflow(UPDATE_ANSWER, GOOD, start_workflow_operation=start)
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.message.startswith("the run was not admitted: start: ")
    run = Run(await start.workflow_handle(), runs.client)
    assert (await run.failure()).type == "InvalidDocument"
    with pytest.raises(WorkflowQueryFailedError, match="the run was not admitted"):
        await run.view()


async def test_what_an_answer_carries_is_data_only(runs: Runs) -> None:
    """Expressions and references in an answer are never read as such."""
    graph = graph_of(
        {"ask": human("yes", to="end", writes={"said": "${result.payload}"})},
        state={"said": {}},
        output={"said": "${state.said}"},
    )
    run = await runs.start(graph)
    data = {"text": "${input}", "ref": {"uri": "blob:default/x", "digest": "0" * 64, "size_bytes": 1}}
    await run.answer("yes", data=data)
    assert (await run.closed()).output == {"said": data}
