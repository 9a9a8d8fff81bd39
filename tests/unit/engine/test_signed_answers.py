"""Who may answer, how many it takes, how it is proved; each attack that a check is there for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support import signers
from tests.support.asking import RISKY, only, people, refused, run_under, said, says, sent, taken
from tests.support.simulator import START_MS
from workflows.contracts.pause import Answer, AnswerReceipt, Refusal
from workflows.contracts.run import StarterCard
from workflows.engine import events
from workflows.engine.clock import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.support.simulator import Simulator

OPERATORS = {"answerers": ["role:operator"]}
TWO = {"answerers": ["role:operator"], "quorum": 2}
HUMAN: dict[str, Any] = {
    **RISKY,
    "capabilities": [],
    "nodes": {"act": {"kind": "human", "ask": "well?", "outcomes": ["ok", "no"], "routes": {"ok": "end", "no": "end"}}},
}


def risky(rule: Mapping[str, Any] = OPERATORS, **policy: Any) -> Simulator:
    return run_under(RISKY, **{"triggers": {"on_risky_tool": dict(rule)}, **policy})


def asking(**human: Any) -> Simulator:
    node = {**HUMAN["nodes"]["act"], **human}
    return run_under({**HUMAN, "nodes": {"act": node}})


def good(run: Simulator, **fields: object) -> dict[str, Any]:
    said = run.signed({"pause": "p1", "outcome": "approve", "by": "ada", **fields})
    return said.model_dump(exclude_none=True)


def test_good_answer_is_taken_and_goes_with_the_call() -> None:
    run = risky()
    answer = good(run)
    assert isinstance(said(run, Answer.model_validate(answer)), AnswerReceipt)
    (call,) = sent(run)
    permit = call["permit"]
    assert (permit["by"], permit["digest"], permit["answers"]) == ("ada", answer["digest"], [answer])
    assert permit["asked"]["answerers"] == ["role:operator"]


def unsigned(run: Simulator, answer: dict[str, Any]) -> dict[str, Any]:
    del run
    return {key: value for key, value in answer.items() if key != "signature"}


def altered(**fields: object) -> Callable[[Simulator, dict[str, Any]], dict[str, Any]]:
    """Something else is said under the signature."""
    return lambda _, answer: {**answer, **fields}


def said_by(name: str, **fields: object) -> Callable[[Simulator, dict[str, Any]], dict[str, Any]]:
    """Somebody else says it, and signs that."""
    return lambda run, _: good(run, by=name, **fields)


def by_key_of(name: str) -> Callable[[Simulator, dict[str, Any]], dict[str, Any]]:
    """The key of somebody else under the name of who may."""
    return lambda run, answer: signers.signed(unsigned(run, answer), name)


def at(issued_ms: int, expires_ms: int) -> Callable[[Simulator, dict[str, Any]], dict[str, Any]]:
    """Signed at one time and until another, both from now."""
    return lambda run, _: good(
        run, issued_at=rfc3339(run.now_ms + issued_ms), expires_at=rfc3339(run.now_ms + expires_ms)
    )


def from_another_run(run: Simulator, answer: dict[str, Any]) -> dict[str, Any]:
    """The same question in another run has another digest."""
    del run, answer
    other = risky(protected=["elsewhere/**"])
    return good(other)


ATTACKS: dict[str, tuple[Callable[[Simulator, dict[str, Any]], dict[str, Any]], str]] = {
    "no signature": (unsigned, "a signature is needed"),
    "another outcome": (altered(outcome="deny"), "the signature is not one of `ada`"),
    "another scope": (altered(scope="run"), "the signature is not one of `ada`"),
    "data put in": (altered(data={"x": 1}), "the signature is not one of `ada`"),
    "another time": (altered(expires_at="2099-01-01T00:00:00Z"), "the signature is not one of `ada`"),
    "a nonce put in": (altered(nonce="n"), "the signature is not one of `ada`"),
    "another name": (altered(by="bob"), "the signature is not one of `bob`"),
    "another's key": (by_key_of("dee"), "the signature is not one of `ada`"),
    "a stranger": (said_by("eve"), "`eve` is nobody whom the operator's policy knows"),
    "the wrong role": (said_by("dee"), "`dee` is not among those who may: role:operator"),
    "no digest": (altered(digest=None), "a `digest` is needed"),
    "another digest": (said_by("ada", digest="0" * 64), "the digest is not that of the question"),
    "another run's answer": (from_another_run, "the digest is not that of the question"),
    "expired": (at(-7_200_000, 0), "it has expired"),
    "from the future": (at(120_000, 240_000), "`issued_at` is in the future"),
    "too long": (at(0, 86_400_001), "it would live longer than 24 hours"),
    "no expiry": (
        lambda run, answer: signers.signed(
            {key: value for key, value in unsigned(run, answer).items() if key != "expires_at"}, "ada"
        ),
        "`expires_at` is needed",
    ),
    "a double for a whole number": (said_by("ada", data={"n": 1}), "outcome `approve` takes no data"),
    "not offered": (said_by("ada", outcome="grant"), "`grant` is not an outcome of p1"),
    "for the tenant": (said_by("ada", scope="tenant"), "no approvals for a whole tenant"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_is_refused_and_audited_and_changes_nothing(attack: str) -> None:
    change, why = ATTACKS[attack]
    run = risky()
    before, snapshot = run.engine.view(), run.engine.snapshot()
    told = said(run, Answer.model_validate(change(run, good(run))))
    assert isinstance(told, Refusal)
    assert why in told.reason
    after = run.engine.view()
    assert after.audit is not None
    assert before.audit is not None
    assert after.audit.seq == before.audit.seq + 1
    assert after.refusals == (told,)
    assert told.by.startswith("claimed:")
    assert after.model_copy(update={"refusals": (), "audit": before.audit}) == before
    assert run.every_call == []
    state, was = run.engine.snapshot()["state"], snapshot["state"]
    assert isinstance(state, dict)
    assert isinstance(was, dict)
    changed = {key for key in state if state[key] != was[key]}
    assert changed == {"audit", "events", "refusals", "pauses"}, "and of the pause only how many were refused"
    assert says(run, "p1", "approve", "ada") == AnswerReceipt(pause="p1", outcome="approve", by="ada", node="act")


def test_key_that_was_revoked_proves_nothing() -> None:
    run = risky(revoked=[signers.public_key("ada")])
    assert "revoked" in refused(run, "p1", "approve", "ada")
    taken(run, "p1", "approve", "bob")


def test_answer_is_used_once() -> None:
    run = risky()
    answer = Answer.model_validate(good(run))
    said(run, answer)
    again = said(run, answer)
    assert isinstance(again, Refusal)
    assert again.reason == "p1 was already answered, expired or was cancelled"
    run.say("fail act#1:1 ToolFailed no")
    taken(run, "p2", "retry", "ada")
    assert only(run).id == "p3", "another call of the same asks again"
    stale = said(run, answer.model_copy(update={"pause": "p3"}))
    assert isinstance(stale, Refusal)


def test_two_must_say_the_same() -> None:
    run = risky(TWO)
    assert taken(run, "p1", "approve", "ada").waits_for == 1
    pause = only(run)
    assert (pause.quorum, pause.answered_by) == (2, ("ada",))
    assert taken(run, "p1", "approve", "ada").waits_for == 1, "twice the same person is one"
    assert run.every_call == []
    assert taken(run, "p1", "approve", "bob", scope="run").waits_for == 1, "another scope is not the same"
    assert only(run).answered_by == ("ada", "bob")
    run.now_ms += 1
    assert taken(run, "p1", "approve", "bob").waits_for == 0
    permit = sent(run)[0]["permit"]
    assert (permit["by"], [answer["by"] for answer in permit["answers"]]) == ("ada, bob", ["ada", "bob"])


def test_one_no_is_enough() -> None:
    run = risky(TWO)
    taken(run, "p1", "approve", "ada")
    assert taken(run, "p1", "deny", "bob").waits_for == 0
    assert run.engine.view().phase == "failed"


def test_answer_that_expired_meanwhile_does_not_count() -> None:
    run = risky(TWO)
    taken(run, "p1", "approve", "ada")
    run.say("+3600001 hold")
    assert taken(run, "p1", "approve", "bob").waits_for == 1
    assert only(run).answered_by == ("bob",)


def test_whoever_started_the_run_may_not_answer_it() -> None:
    rule = {"not_starter": True}
    run = risky(rule, starter=StarterCard(id="ada", assurance="signed"))
    assert "`ada` started the run" in refused(run, "p1", "approve", "ada")
    assert only(run).not_starter
    taken(run, "p1", "approve", "bob")
    permit = sent(run)[0]["permit"]
    assert permit["asked"]["starter"] == {"id": "ada", "assurance": "signed"}


def test_nobody_could_answer_for_a_start_that_was_not_signed() -> None:
    for starter in (None, StarterCard(id="ada")):
        error = risky({"not_starter": True}, starter=starter).engine.view().error
        assert error is not None
        assert "nobody signed its start" in error.message


def test_starter_does_not_count_towards_a_quorum() -> None:
    rule = {"answerers": ["ada", "bob"], "quorum": 2, "not_starter": True}
    error = risky(rule, starter=StarterCard(id="ada", assurance="signed")).engine.view().error
    assert error is not None
    assert error.message.startswith(
        "`risky`: 2 must answer, and the operator's policy knows 1 who may answer and can sign"
    )
    assert error.message.endswith("; `ada` started the run and may not answer")


def test_unsigned_answer_goes_by_the_roles_that_it_claims() -> None:
    run = risky(answerers=people(signed=False))
    claimed = said(run, Answer(pause="p1", outcome="approve", by="dee"))
    assert isinstance(claimed, Refusal)
    told = said(run, Answer(pause="p1", outcome="approve", by="ada"))
    assert isinstance(told, AnswerReceipt)
    assert (told.by, sent(run)[0]["permit"]["by"]) == ("claimed:ada", "claimed:ada")


def test_role_that_nobody_has_cannot_be_claimed() -> None:
    node = {"answerers": ["role:pope"]}
    error = asking(**node).engine.view().error
    assert error is not None
    assert error.message == "1 must answer, and the operator's policy knows 0 who may answer and can sign (role:pope)"
    unsigned_ = run_under(
        {**HUMAN, "nodes": {"act": {**HUMAN["nodes"]["act"], **node}}}, answerers=people(signed=False)
    )
    error = unsigned_.engine.view().error
    assert error is not None
    assert error.message == "1 must answer, and the operator's policy knows 0 who may answer (role:pope)"


def test_person_whom_the_policy_does_not_know_may_answer_by_name_where_nobody_signs() -> None:
    run = risky({"answerers": ["role:operator"]}, answerers={"people": []})
    assert isinstance(said(run, Answer(pause="p1", outcome="approve", by="eve")), AnswerReceipt)


def test_graph_may_ask_for_fewer_people_and_more_of_them() -> None:
    run = asking(answerers=["role:operator", "not_starter"], quorum=2)
    error = run.engine.view().error
    assert error is not None
    assert "nobody signed its start" in error.message
    run = asking(answerers=["role:operator"], quorum=2)
    pause = only(run)
    assert (pause.answerers, pause.quorum, pause.signed) == (("role:operator",), 2, True)
    assert "not among" in refused(run, "p1", "ok", "dee")
    taken(run, "p1", "ok", "ada")
    taken(run, "p1", "ok", "cy")
    assert run.engine.view().phase == "completed"


def test_human_node_records_who_answered() -> None:
    run = asking()
    taken(run, "p1", "no", "ada")
    assert run.engine.view().phase == "completed"


def test_question_escalates_once_nobody_has_answered() -> None:
    lead = {"answerers": ["role:lead"], "deadline": "2m", "on_timeout": "deny"}
    run = risky({**OPERATORS, "deadline": "1m", "on_timeout": "escalate", "escalate": lead})
    before = only(run)
    early = run.signed({"pause": "p1", "outcome": "approve", "by": "ada"})
    assert run.say("+60000 timer pause:p1") == ["timer pause:p1 in 120000 ms"]
    after = only(run)
    assert (after.id, after.answerers, after.on_timeout) == ("p1", ("role:lead",), "deny")
    assert after.digest != before.digest
    assert "not among those who may: role:lead" in refused(run, "p1", "approve", "bob")
    stale = said(run, early)
    assert isinstance(stale, Refusal)
    assert "the digest is not that" in stale.reason
    run.say("+120000 timer pause:p1")
    assert run.engine.view().phase == "failed"


def test_human_node_escalates_to_whom_the_policy_says() -> None:
    node = {**HUMAN["nodes"]["act"], "deadline": "1m", "on_timeout": "escalate", "answerers": ["bob"]}
    document = {**HUMAN, "nodes": {"act": node}}
    error = run_under(document).engine.view().error
    assert error is not None
    assert error.message == "`on_timeout: escalate`, and the operator's policy has no `triggers.on_human_node.escalate`"
    run = run_under(document, triggers={"on_human_node": {"escalate": {"answerers": ["role:lead"]}}})
    assert only(run).answerers == ("bob",)
    run.say("+60000 timer pause:p1")
    assert (only(run).answerers, only(run).on_timeout, only(run).deadline) == (("role:lead",), "keep_waiting", None)
    taken(run, "p1", "ok", "ada")
    assert run.engine.view().phase == "completed"


def test_timer_of_an_earlier_deadline_does_nothing() -> None:
    run = risky({"deadline": "1h"})
    run.timers["pause:p1"] = run.now_ms
    run.engine.apply(events.TimerFired(run.now_ms + 1, "pause:p1"))
    assert only(run).id == "p1"


def test_after_twenty_refusals_no_more_are_recorded() -> None:
    run = risky()
    bad = Answer(pause="p1", outcome="approve", by="eve")
    for _ in range(20):
        assert run.engine.why_rejected(bad, run.now_ms) is None, "it is for the handler to refuse"
        said(run, bad)
    assert "a `digest` is needed" in (run.engine.why_rejected(bad, run.now_ms) or "")
    assert run.engine.why_rejected(Answer.model_validate(good(run)), run.now_ms) is None, "a good one still is taken"


@pytest.mark.parametrize(
    ("fields", "why"),
    [({"pause": "p9"}, "no open pause"), ({"data": "x" * 1_048_576}, "at most"), ({"outcome": "fly"}, None)],
)
def test_only_what_is_malformed_leaves_no_trace(fields: dict[str, Any], why: str | None) -> None:
    answer = Answer.model_validate({"pause": "p1", "outcome": "approve", "by": "ada", **fields})
    reason = risky().engine.why_rejected(answer, START_MS)
    assert (reason is None) == (why is None)
    assert why is None or why in str(reason)


def test_an_answer_is_judged_by_the_time_at_which_it_comes_however_long_nothing_happened() -> None:
    run = risky()
    for _ in range(20):
        said(run, Answer(pause="p1", outcome="approve", by="eve"))
    run.now_ms += 2 * 3_600_000
    answer = Answer.model_validate(good(run))
    assert "in the future" in (run.engine.why_rejected(answer, run.engine._m.state.now_ms) or ""), "the last event's"
    assert run.engine.why_rejected(answer, run.now_ms) is None
