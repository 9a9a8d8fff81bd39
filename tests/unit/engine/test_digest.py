"""The digests are those of the canonical form, whatever stands in their parts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from policies.canonical import digest
from policies.plain_text import is_unsafe
from workflows.contracts.names import workflow_id
from workflows.engine.clock import parse_rfc3339, rfc3339
from workflows.engine.digest import decision_digest, idempotency_key, pause_digest
from workflows.engine.summaries import short

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(name=TEXT, args=TEXT, rules=st.lists(TEXT, max_size=3), engine=st.integers(1, 99))
def test_decision_digest_is_that_of_the_canonical_form(name: str, args: str, rules: list[str], engine: int) -> None:
    covered = {
        "engine": engine,
        "kind": "tool",
        "name": name,
        "args": args,
        "tool": "t",
        "policy": "p",
        "verdict": "allow",
        "rules": rules,
    }
    made = decision_digest(
        engine=engine,
        kind="tool",
        name=name,
        args_digest=args,
        tool_digest="t",
        policy="p",
        verdict="allow",
        rules=rules,
    )
    assert made == digest(covered)[:16]


@given(parts=st.tuples(TEXT, TEXT, TEXT, TEXT, TEXT))
def test_idempotency_key_is_that_of_the_canonical_form(parts: tuple[str, str, str, str, str]) -> None:
    namespace, workflow, first, call, args = parts
    key = idempotency_key(namespace=namespace, workflow_id=workflow, first_run_id=first, call=call, args_digest=args)
    assert key == digest(list(parts))


def test_pause_digest_changes_with_everything_it_covers() -> None:
    asked: dict[str, object] = {"pause_id": "p1", "outcomes": ["a"], "deadline": None}
    other = [{**asked, key: "x"} for key in asked]
    assert len({pause_digest(asked), *(pause_digest(each) for each in other)}) == 4


@given(at=st.integers(0, 4_000_000_000_000))
def test_times_are_read_as_they_are_written(at: int) -> None:
    assert parse_rfc3339(rfc3339(at)) == at


def test_a_run_is_named_after_its_tenant_and_graph() -> None:
    assert workflow_id("t", "g", "k") == "t/g/k"


@given(text=st.text())
def test_a_summary_is_one_short_line(text: str) -> None:
    line = short(text)
    assert len(line) <= 100
    assert not any(is_unsafe(character) for character in line)
