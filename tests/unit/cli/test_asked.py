"""What a person signs is what that person was shown, whoever showed it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cli.asked import check_asked, why_other
from cli.exits import CommandError, Exit
from tests.support.asking import RISKY, only, run_under
from workflows.contracts.pause import Answer, PauseView

if TYPE_CHECKING:
    from tests.support.simulator import Simulator

OPERATORS = {"answerers": ["role:operator"], "deadline": "1h"}


def risky() -> PauseView:
    return only(run_under(RISKY, triggers={"on_risky_tool": OPERATORS}))


def human(ask: str = "Ship?", show: str | None = None) -> PauseView:
    return only(asking(ask, show))


def asking(ask: str, show: str | None) -> Simulator:
    node: dict[str, Any] = {"kind": "human", "ask": ask, "outcomes": ["ok", "no"], "routes": {"ok": "end", "no": "end"}}
    node["form"] = {"type": "object"}
    if show is not None:
        node["show"] = show
    return run_under({**RISKY, "capabilities": [], "nodes": {"act": node}})


def other(pause: PauseView, *, run: str = "default/test/1", **fields: Any) -> str | None:
    """What is wrong with a question once these of its parts are shown otherwise."""
    return why_other(PauseView.model_validate({**pause.model_dump(), **fields}), run, "default")


def call(**fields: Any) -> dict[str, Any]:
    shown = risky().call
    assert shown is not None
    return {**shown.model_dump(), **fields}


@pytest.mark.parametrize("pause", [risky(), human(), human(show="# this")], ids=["risky", "human", "with show"])
def test_question_as_the_run_asks_it_may_be_signed(pause: PauseView) -> None:
    assert other(pause) is None


@pytest.mark.parametrize(
    ("fields", "flaw"),
    [
        ({"call": call(args={"x": 2})}, "`calls`"),
        ({"call": call(name="harmless")}, "`calls`"),
        ({"call": call(risk="low")}, "`calls`"),
        ({"call": call(capabilities=())}, "`calls`"),
        ({"call": None}, "`calls`"),
        ({"digest": "0" * 64}, "`digest`"),
        ({"asked": {}}, "`digest`"),
        ({"asked": {"x": float("nan")}}, "it is not JSON"),
        ({"outcomes": ("deny",)}, "`outcomes`"),
        ({"deadline": None}, "`deadline`"),
        ({"id": "p2"}, "`pause_id`"),
        ({"answerers": ()}, "`answerers`"),
        ({"run": "default/test/2"}, "`workflow_id`"),
    ],
)
def test_harmless_call_beside_the_digest_of_another_is_not_signed(fields: dict[str, Any], flaw: str) -> None:
    assert other(risky(), **fields) == flaw


def test_arguments_that_are_too_large_to_show_stand_there_by_their_digest() -> None:
    assert other(risky(), call=call(args=None)) is None
    assert other(risky(), call=call(args=None, args_digest="0" * 64)) == "`calls`"


@pytest.mark.parametrize("fields", [{"ask": "Lunch?"}, {"show": "nothing"}, {"error": {"message": "x"}}])
def test_words_are_what_is_signed_where_there_are_but_words(fields: dict[str, Any]) -> None:
    assert other(human(), **fields) == "`text_digest`"


def test_same_question_in_other_words_has_another_digest() -> None:
    one, two = human("Pay 1?"), human("Pay 1,000?")
    same = {"graph_digest": "g", "text_digest": ""}
    assert {**one.asked, **same} == {**two.asked, **same}
    assert one.asked["text_digest"] != two.asked["text_digest"]


def test_only_what_is_signed_is_held_to_it() -> None:
    forged = human().model_copy(update={"ask": "Lunch?"})
    claim = Answer(pause="p1", outcome="ok")
    assert check_asked(claim, forged, "default/test/1", "default") is claim
    signed = claim.model_copy(update={"signature": "s"})
    assert check_asked(signed, human(), "default/test/1", "default") is signed
    with pytest.raises(CommandError, match="nothing was sent") as raised:
        check_asked(signed, forged, "default/test/1", "default")
    assert (raised.value.kind, raised.value.code) == ("ForgedQuestion", Exit.FAILED)
