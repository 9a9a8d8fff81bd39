"""The loop guard: what goes round in circles is warned about, then denied, then stopped."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.decide import decide
from policies.loop_guard import MAX_DIGESTS, RECENT, LoopRules, LoopState, note_call, note_result, polls
from policies.model import Decision, Facts, Request, Verdict
from tests.unit.policies.test_decide import FACTS, POLICY, WRITE, caps

READ = replace(WRITE, fingerprint="fs.write:a", args={"path": "x"})
OTHER = replace(READ, fingerprint="fs.write:b")
THIRD = replace(READ, fingerprint="fs.write:c")
POLL = replace(READ, args={"wait_ms": 5})


def empty() -> LoopState:
    return LoopState([], {}, {}, {})


def judge(state: LoopState | None, request: Request = READ, rules: LoopRules | None = LoopRules()) -> Decision:  # noqa: B008 # frozen
    return decide(replace(POLICY, loop=rules), request, replace(FACTS, loop=state))


def after(*requests: Request, result: str | None = None) -> LoopState:
    state = empty()
    for number, request in enumerate(requests):
        note_call(state, request.fingerprint, request.node)
        note_result(state, request.fingerprint, result or str(number))
    return state


def said(decision: Decision) -> tuple[Verdict, tuple[str, ...], tuple[str, ...]]:
    return decision.verdict, decision.rules, tuple(reason.rule for reason in decision.warnings)


ALLOWED = (Verdict.ALLOW, ("allow",), ())
WARNED = (Verdict.ALLOW, ("allow",), ("loop.same_call",))
DENIED = (Verdict.DENY, ("loop.same_call",), ())


@pytest.mark.parametrize(("before", "answer"), [(0, ALLOWED), (1, ALLOWED), (2, WARNED), (3, WARNED), (4, DENIED)])
def test_the_same_call_is_warned_about_the_third_time_and_denied_the_fifth(
    before: int, answer: tuple[Verdict, tuple[str, ...], tuple[str, ...]]
) -> None:
    assert said(judge(after(*[READ] * before))) == answer
    assert said(judge(after(*[OTHER] * before))) == ALLOWED


@pytest.mark.parametrize(
    ("before", "warnings", "reasons"),
    [(1, (), ("allow",)), (2, ("loop.same_result",), ("allow",)), (3, (), ("loop.same_result",))],
)
def test_what_gave_the_same_result_three_times_is_not_called_again(
    before: int, warnings: tuple[str, ...], reasons: tuple[str, ...]
) -> None:
    rules = LoopRules(same_call_warn=None, same_call_block=None)
    decision = judge(after(*[READ] * before, result="same"), rules=rules)
    assert said(decision)[1:] == (reasons, warnings)
    assert said(judge(after(*[READ] * before), rules=rules)) == ALLOWED
    assert said(judge(after(*[OTHER] * before, result="same"), rules=rules)) == ALLOWED


@pytest.mark.parametrize(
    ("pattern", "denied_from"), [((OTHER, READ), 5), ((OTHER, THIRD, READ), 8), ((OTHER, OTHER, READ), 8)]
)
def test_a_pattern_that_repeats_three_times_is_a_ping_pong(pattern: tuple[Request, ...], denied_from: int) -> None:
    rules = LoopRules(same_call_block=None)
    calls = list(pattern) * 6
    for number in range(len(pattern) - 1, 12, len(pattern)):
        decision = judge(after(*calls[:number]), calls[number], rules)
        assert (decision.rules == ("loop.ping_pong",)) is (number >= denied_from)


def test_one_call_over_and_over_is_no_ping_pong() -> None:
    rules = LoopRules(same_call_warn=None, same_call_block=None)
    assert said(judge(after(*[READ] * 20), rules=rules)) == ALLOWED


def test_a_pattern_that_was_broken_is_none() -> None:
    rules = LoopRules(same_call_warn=None, same_call_block=None)
    assert said(judge(after(OTHER, READ, THIRD, READ, OTHER), rules=rules)) == ALLOWED


@pytest.mark.parametrize(("before", "verdict"), [(29, Verdict.ALLOW), (30, Verdict.REJECT)])
def test_a_node_makes_thirty_calls_and_no_more(before: int, verdict: Verdict) -> None:
    calls = [replace(READ, fingerprint=f"fs.write:{number}") for number in range(before)]
    decision = judge(after(*calls))
    assert decision.verdict is verdict
    assert judge(after(*calls), replace(READ, node="another")).verdict is Verdict.ALLOW


def test_the_denied_counts_as_well() -> None:
    state = after(*[READ] * 4)
    assert judge(state).verdict is Verdict.DENY
    for _ in range(26):
        note_call(state, READ.fingerprint, READ.node)
    assert judge(state).rules == ("loop.same_call", "loop.total")
    assert judge(state).verdict is Verdict.REJECT


@pytest.mark.parametrize(
    "request_",
    [
        replace(READ, name="job.status"),
        replace(READ, name="WaitFor"),
        replace(READ, args={"poll": True}),
        replace(READ, args={"x": 1, "waitUntil": 2}),
    ],
)
def test_what_polls_says_so(request_: Request) -> None:
    assert polls(request_)


@pytest.mark.parametrize("request_", [READ, replace(READ, args=None), replace(READ, args={"path": "status"})])
def test_what_only_looks_like_polling_does_not(request_: Request) -> None:
    assert not polls(request_)


def test_a_flood_of_arguments_is_no_polling() -> None:
    assert not polls(replace(READ, args={f"wait{number}": 1 for number in range(65)}))


def test_polling_has_three_times_the_thresholds() -> None:
    assert said(judge(after(*[POLL] * 7), POLL)) == ALLOWED
    assert said(judge(after(*[POLL] * 8), POLL)) == WARNED
    assert said(judge(after(*[POLL] * 14), POLL)) == DENIED
    once = LoopRules(polling_factor=1)
    assert said(judge(after(*[POLL] * 4), POLL, once)) == DENIED
    state = after(*[POLL] * 8, result="same")
    assert judge(state, POLL, LoopRules(same_call_warn=None)).rules == ("allow",)
    note_call(state, POLL.fingerprint, POLL.node)
    note_result(state, POLL.fingerprint, "same")
    assert judge(state, POLL, LoopRules(same_call_warn=None)).rules == ("loop.same_result",)
    two = [POLL, replace(POLL, fingerprint="fs.write:b")]
    free = LoopRules(same_call_block=None)
    assert judge(after(*(two * 9)[:16]), two[0], free).rules == ("allow",)
    assert judge(after(*(two * 9)[:17]), two[1], free).rules == ("loop.ping_pong",)


def test_no_pattern_is_longer_than_what_is_remembered() -> None:
    rules = LoopRules(same_call_warn=None, same_call_block=None, ping_pong=1000, total=None)
    calls = [OTHER, READ] * 20
    assert judge(after(*calls[:29]), READ, rules).rules == ("loop.ping_pong",)
    assert judge(after(*calls[:28]), OTHER, rules).rules == ("allow",)


def test_a_pattern_is_at_least_twice_its_length() -> None:
    rules = LoopRules(same_call_warn=None, same_call_block=None, ping_pong=1)
    assert judge(after(OTHER), READ, rules).rules == ("allow",)
    assert judge(after(OTHER, READ, OTHER), READ, rules).rules == ("loop.ping_pong",)


def test_each_threshold_may_be_off() -> None:
    off = LoopRules(None, None, None, None, None, None)
    state = after(*[READ] * 50, result="same")
    assert said(judge(state, rules=off)) == ALLOWED
    assert said(judge(state, rules=None)) == ALLOWED
    assert said(judge(None)) == ALLOWED
    assert judge(state, rules=replace(off, same_call_warn=3)).warnings[0].message.endswith("for the 51st time")
    assert judge(state, rules=replace(off, same_call_block=3)).verdict is Verdict.DENY
    assert judge(state, rules=replace(off, same_result_warn=3)).warnings != ()
    assert judge(state, rules=replace(off, same_result_block=3)).verdict is Verdict.DENY


@pytest.mark.parametrize(("before", "nth"), [(1, "2nd"), (2, "3rd"), (3, "4th"), (10, "11th"), (21, "22nd")])
def test_a_warning_says_how_often(before: int, nth: str) -> None:
    rules = LoopRules(same_call_warn=1, same_call_block=None)
    told = judge(after(*[READ] * before), rules=rules).warnings[0].message
    assert told == f"`fs.write` is called with the same arguments for the {nth} time"


def test_models_are_not_looped_over() -> None:
    needs = caps("model:default")
    request = replace(READ, kind="model", name="default", needs=needs.grants, asked=needs)
    policy = replace(POLICY, allow=needs)
    assert decide(policy, request, replace(FACTS, loop=after(*[READ] * 50))).verdict is Verdict.ALLOW


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 400)), max_size=600))
def test_the_state_stays_small_and_survives_json(calls: list[tuple[str, int]]) -> None:
    state = empty()
    for name, number in calls:
        note_call(state, f"{name}:{number}", f"n{number}")
        note_result(state, f"{name}:{number}", str(number % 7))
    assert len(state.recent) <= RECENT
    assert max(len(state.calls), len(state.results), len(state.totals)) <= MAX_DIGESTS
    assert LoopState(**json.loads(json.dumps(asdict(state), sort_keys=True))) == state


def test_what_is_frequent_is_not_forgotten() -> None:
    state = after(*[READ] * 4)
    for number in range(1000):
        note_call(state, f"x:{number}", f"n{number}")
    assert state.calls[READ.fingerprint] == 4
    assert len(state.calls) == MAX_DIGESTS
    assert "x:999" in state.calls


def test_the_facts_of_a_frame_are_all_that_counts() -> None:
    facts: Facts = replace(FACTS, loop=after(*[READ] * 4))
    assert decide(POLICY, READ, facts).verdict is Verdict.DENY
    assert decide(POLICY, READ, replace(facts, loop=empty())).verdict is Verdict.ALLOW
