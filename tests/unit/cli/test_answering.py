"""Answers are made to fit their pause, or refused before they are sent."""

from __future__ import annotations

import json

import pytest

from cli.answering import check_policy_pause, choose, choose_lacking, make_answer, wire_bytes
from cli.exits import CommandError, Exit
from cli.payload import MAX_BYTES
from tests.unit.cli.pauses import pause

FORM = {"type": "object", "required": ["answer"], "properties": {"answer": {"type": "string"}}}


def test_the_only_open_pause_need_not_be_named() -> None:
    assert choose([pause("p1")], None, "run").id == "p1"


def test_one_of_several_pauses_must_be_named() -> None:
    with pytest.raises(CommandError, match="`p1`, `p2`") as raised:
        choose([pause("p1"), pause("p2")], None, "run")
    assert raised.value.code == Exit.USAGE


def test_a_pause_is_found_by_its_id() -> None:
    assert choose([pause("p1"), pause("p2")], "p2", "run").id == "p2"


def test_an_unknown_pause_is_refused_with_what_is_open() -> None:
    with pytest.raises(CommandError, match="open: `p1`") as raised:
        choose([pause("p1")], "p9", "run")
    assert raised.value.code == Exit.UNKNOWN


def test_a_run_without_pauses_is_refused() -> None:
    with pytest.raises(CommandError, match="no open pause") as raised:
        choose([], "p1", "run")
    assert raised.value.code == Exit.UNKNOWN


def test_a_wrong_outcome_is_refused_with_the_right_ones() -> None:
    with pytest.raises(CommandError, match="`accept`, `reject`") as raised:
        make_answer(pause(), "approve", None, "me")
    assert raised.value.code == Exit.INVALID


def test_data_must_fit_the_form() -> None:
    with pytest.raises(CommandError, match="does not fit pause") as raised:
        make_answer(pause(form=FORM), "accept", {"answer": 1}, "me")
    assert raised.value.code == Exit.INVALID
    assert make_answer(pause(form=FORM), "accept", {"answer": "yes"}, "me").data == {"answer": "yes"}


def test_data_that_was_left_out_is_the_empty_map_where_that_fits() -> None:
    optional = {"type": "object", "properties": {"why": {"type": "string"}}}
    assert make_answer(pause(form=optional), "accept", None, "me").data == {}
    with pytest.raises(CommandError, match="does not fit pause"):
        make_answer(pause(form=FORM), "accept", None, "me")


def test_a_call_that_was_made_elsewhere_is_completed_with_its_result() -> None:
    uncertain = pause(trigger="on_uncertain", outcomes=("retry", "complete", "abort"))
    assert make_answer(uncertain, "complete", {"result": 1}, "me").data == {"result": 1}
    for data in (None, {}, {"result": 1, "more": 2}, [1]):
        with pytest.raises(CommandError, match="result"):
            make_answer(uncertain, "complete", data, "me")


def test_data_is_sent_only_where_something_takes_it() -> None:
    assert make_answer(pause(), "accept", "anything", "me").data == "anything"
    failed = pause(trigger="on_failure", outcomes=("retry", "abort"))
    assert make_answer(failed, "retry", {"guidance": "slower"}, "me").data == {"guidance": "slower"}
    with pytest.raises(CommandError, match="takes none") as raised:
        make_answer(failed, "abort", "x", "me")
    assert raised.value.code == Exit.INVALID


def test_a_grant_goes_to_the_one_pause_that_asks_for_it() -> None:
    lacking = [pause("p1"), pause("p2", lacks=("net:a.org",)), pause("p3", lacks=("net:b.org",))]
    assert choose_lacking(lacking, "net:a.org", "run").id == "p2"
    with pytest.raises(CommandError, match=r"it asks for `net:a\.org`, `net:b\.org`") as raised:
        choose_lacking(lacking, "net:c.org", "run")
    assert raised.value.code == Exit.UNKNOWN
    with pytest.raises(CommandError, match="`p2`, `p4`") as raised:
        choose_lacking([*lacking, pause("p4", lacks=("net:a.org",))], "net:a.org", "run")
    assert raised.value.code == Exit.USAGE


def test_an_answer_is_bound_to_what_was_asked() -> None:
    assert make_answer(pause(), "accept", None, "me").digest == "d" * 64


def test_an_oversized_answer_is_refused_before_it_is_sent() -> None:
    with pytest.raises(CommandError, match="over the limit") as raised:
        make_answer(pause(), "accept", "x" * MAX_BYTES, "me")
    assert raised.value.code == Exit.INVALID


def test_a_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(CommandError, match="`by`") as raised:
        make_answer(pause(), "accept", None, "x" * 300)
    assert raised.value.code == Exit.INVALID


def test_the_bytes_are_canonical_and_hold_only_what_is_set() -> None:
    data = wire_bytes(make_answer(pause(), "accept", None, "me"))
    assert json.loads(data) == {
        "v": 1, "pause": "p1", "digest": "d" * 64, "outcome": "accept", "scope": "once", "by": "me",
    }  # fmt: skip
    assert data == json.dumps(json.loads(data), sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize("trigger", ["on_risky_tool", "on_protected_path"])
def test_what_policy_asks_may_be_approved(trigger: str) -> None:
    check_policy_pause(pause(trigger=trigger, outcomes=("approve", "deny")), "approve")


@pytest.mark.parametrize("trigger", ["on_human_node", "on_failure", "on_uncertain"])
def test_what_a_graph_asks_may_not_be_approved(trigger: str) -> None:
    with pytest.raises(CommandError, match="`accept`, `reject`") as raised:
        check_policy_pause(pause(trigger=trigger), "approve")
    assert raised.value.code == Exit.USAGE
