"""The page in the Temporal UI says who is asked, and what can be sent from there."""

from __future__ import annotations

from typing import Any

from tests.support.asking import RISKY, people, run_under, taken
from tests.support.simulator import Simulator
from workflows.shell.display import Display


def page(run: Simulator, display: Display | None = None) -> str:
    return (display or Display(run.engine)).page()


def risky(rule: dict[str, Any], **policy: Any) -> Simulator:
    return run_under(RISKY, triggers={"on_risky_tool": rule}, **policy)


def test_unsigned_question_has_the_json_that_answers_it() -> None:
    run = risky({}, answerers=people(signed=False))
    text = page(run)
    assert f'"outcome": "approve", "by": "you", "digest": "{run.engine.pauses()[0].digest}"' in text
    assert "must be signed" not in text


def test_signed_question_says_how_to_sign_and_nothing_that_could_be_sent() -> None:
    text = page(risky({"answerers": ["role:operator"], "quorum": 2}))
    assert "detent answer RUN p1 OUTCOME --as ID --key-file FILE" in text
    assert "may answer: role:operator" in text
    assert "2 of them must say the same" in text
    assert '"outcome"' not in text


def test_page_changes_as_people_answer_and_as_the_question_does() -> None:
    lead = {"answerers": ["role:lead"]}
    run = risky({"quorum": 2, "deadline": "1m", "on_timeout": "escalate", "escalate": lead})
    before = page(run)
    taken(run, "p1", "approve", "ada")
    after = page(run)
    assert "so far: ada" in after
    assert "so far" not in before
    run.say("+60000 timer pause:p1")
    assert "role:lead" in page(run)


def test_grant_says_what_it_gives() -> None:
    write = {"kind": "tool", "tool": "fs.write", "with": {"path": "a", "text": "t"}, "next": "end"}
    graph = {**RISKY, "capabilities": [{"tool": ["fs.write"]}], "nodes": {"act": write}}
    assert "grants: fs" in page(run_under(graph, triggers={"on_capability": {}}))


def test_one_display_follows_the_run() -> None:
    lead = {"answerers": ["role:lead"]}
    run = risky({"deadline": "1m", "on_timeout": "escalate", "escalate": lead})
    display = Display(run.engine)
    display.page()
    engine = run.engine
    run.say("+60000 timer pause:p1")
    engine._m.state = run.engine._m.state
    assert "role:lead" in display.page()
