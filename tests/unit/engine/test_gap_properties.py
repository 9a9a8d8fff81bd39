"""What holds of runs that lack things, whatever people say, workers find, and in every order of events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.cards import run_card
from tests.support.host import Host
from tests.support.lacking import graph
from tests.support.simulator import Simulator
from workflows.engine.commands import Probe

if TYPE_CHECKING:
    from workflows.engine.commands import StartCall

SLOW = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
NAMES = ("late", "later", "keep", "risky")


def document(tools: list[str], *, mode: str, width: int) -> dict[str, object]:
    """Branches that call tools of which the worker has some; then one more call, and again what came before."""
    branches = [f"b{n}" for n in range(len(tools))]
    fork = {"branches": branches, "join": "after", "mode": mode, "max_concurrency": width}
    nodes: dict[str, object] = {"split": {"kind": "plan", "rules": [{"fork": fork}]}}
    for name, tool in zip(branches, tools, strict=True):
        nodes[name] = {"kind": "tool", "tool": tool, "with": {"x": 1}, "on_failure": "fail"}
    nodes["after"] = {"kind": "tool", "tool": "late", "with": {"x": 2}, "on_failure": "fail", "next": "more"}
    nodes["more"] = {"kind": "plan", "rules": [{"when": "visit < 2", "to": "split"}, {"to": "end"}]}
    return graph(nodes, "split")


def host(tools: list[str], mode: str, width: int, seed: int) -> Host:
    return Host(document(tools, mode=mode, width=width), seed, trouble=True)


def lacked(call: StartCall, at: int, found: dict[str, int]) -> bool:
    """Whether a call was made of what nobody had found by then."""
    return call.activity in ("late", "later") and found.get(call.activity, at + 1) > at


@SLOW
@given(
    tools=st.lists(st.sampled_from(NAMES), min_size=1, max_size=5),
    mode=st.sampled_from(["all", "settle"]),
    width=st.integers(1, 3),
    seed=st.integers(0, 100_000),
)
def test_nothing_is_called_that_no_worker_has_and_the_same_events_give_the_same_run(
    tools: list[str], mode: str, width: int, seed: int
) -> None:
    world = host(tools, mode, width, seed)
    view = world.play()
    again = Simulator(world.run.graph_document, run_card(world.policy))
    found: dict[str, int] = {}
    for at, event in enumerate(world.log):
        card = getattr(event, "card", None)
        if isinstance(card, dict):
            found.setdefault(str(card["name"]), at)
        calls = len(again.every_call)
        again.feed(event)
        assert not any(lacked(call, at, found) for call in again.every_call[calls:])
    assert again.engine.view() == view
    assert again.given == world.run.given


@SLOW
@given(tools=st.lists(st.sampled_from(NAMES), min_size=1, max_size=5), seed=st.integers(0, 100_000))
def test_one_thing_has_one_question_and_looks_are_told_apart(tools: list[str], seed: int) -> None:
    world = host(tools, "settle", 3, seed)
    world.play()
    numbers = [command.number for command in world.run.given if isinstance(command, Probe)]
    assert numbers == list(range(1, len(numbers) + 1))
    state = world.run.engine._m.state
    assert len({gap.pause for gap in state.gaps.values()}) == len(state.gaps)
