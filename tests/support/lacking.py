"""Runs of graphs that name what their worker does not have, and what is found for them later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.asking import people
from tests.support.cards import policy_document, run_card, tool_card
from tests.support.simulator import Simulator
from workflows.engine import commands, events

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workflows.contracts.pause import GapView, PauseView
    from workflows.contracts.run import ToolCard

LATE = "tool:late:"


def graph(nodes: Mapping[str, object], start: str = "one", **more: object) -> dict[str, object]:
    """A graph that asks for every tool and model."""
    asked = [{"tool": ["**"]}, {"model": ["*"]}, {"fs.read": ["**"]}, {"net": ["api.example.org"]}]
    return {"graph": "g", "version": "1.0.0", "capabilities": asked, "start": start, "nodes": dict(nodes), **more}


def node(tool: str = "late", x: object = 1, **more: object) -> dict[str, object]:
    """A tool node; `late` is the tool that nobody has at first."""
    return {"kind": "tool", "tool": tool, "with": {"x": x}, "next": "end", **more}


def fan(many: int = 3, **more: object) -> dict[str, object]:
    """As many branches that call the missing tool at once, then a node that calls it again."""
    opening = {"over": "${input.list}", "as": "n", "to": "branch", "join": "after", "mode": "settle", **more}
    return graph(
        {
            "split": {"kind": "plan", "rules": [{"map": opening}]},
            "branch": {"kind": "tool", "tool": "late", "with": {"x": "${n}"}},
            "after": node(),
        },
        "split",
    )


def started(document: dict[str, object], run_input: object = None, **policy: Any) -> Simulator:
    """A run that has been started; people are known where signatures are wanted."""
    known = {"answerers": people()} if policy.pop("signed", False) else {}
    run = Simulator(document, run_card(policy_document(**known, **policy)), run_input)
    run.say("start")
    return run


def late_card(**changes: Any) -> ToolCard:
    """The tool that nobody had, as a worker has it in the end."""
    return tool_card("late", {"x": "integer"}).model_copy(update=changes)


def found(run: Simulator, key: str = LATE, card: ToolCard | None = None) -> list[commands.Command]:
    """The worker has looked, and found it."""
    given = (card or late_card()).model_dump(mode="json")
    return run.feed(events.Probed(run.now_ms, key, card=given))


def pause_of(run: Simulator) -> PauseView:
    """The one open pause."""
    (pause,) = run.engine.pauses()
    return pause


def gap_of(run: Simulator) -> GapView:
    """What the one open pause asks for."""
    gap = pause_of(run).gap
    assert gap is not None
    return gap


def probes(run: Simulator) -> list[commands.Probe]:
    """Every look that a worker was asked for."""
    return [command for command in run.given if isinstance(command, commands.Probe)]


def names(run: Simulator) -> list[str]:
    """Every call that was made, by its id."""
    return [call.call for call in run.every_call]
