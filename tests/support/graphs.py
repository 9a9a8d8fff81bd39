"""Random graphs that are valid by construction, for properties of the engine."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

CHANNELS: dict[str, dict[str, object]] = {
    "seen": {"reducer": "append"},
    "many": {"reducer": "extend"},
    "uniq": {"reducer": "union"},
    "map": {"reducer": "merge"},
    "sum": {"reducer": "add"},
    "top": {"reducer": "max"},
    "low": {"reducer": "min"},
    "mine": {"local": True},
}
TOOLS = ("pure", "keep", "pay", "risky", "forbidden")


@dataclass
class Draft:
    """A graph in the making: nodes by name."""

    nodes: dict[str, dict[str, object]] = field(default_factory=dict)

    def name(self, kind: str) -> str:
        """A fresh node name."""
        return f"{kind}{len(self.nodes)}"


@st.composite
def graphs(draw: st.DrawFn, *, trouble: bool = True) -> dict[str, object]:
    """A document; with `trouble` it also has risky tools, people, timers, failures that are caught, and denials."""
    draft = Draft()
    start = _sequence(draw, draft, "end", depth=2, trouble=trouble)
    return {
        "graph": "random",
        "version": "1.0.0",
        "capabilities": [{"tool": list(TOOLS)}],
        "state": CHANNELS,
        "start": start,
        "nodes": draft.nodes,
        "output": {name: f"${{state.{name}}}" for name in CHANNELS if name != "mine"},
    }


def _sequence(draw: st.DrawFn, draft: Draft, exit_to: str, *, depth: int, trouble: bool) -> str:
    """A chain of one to three pieces that ends at `exit_to`; the name of its first node."""
    target = exit_to
    for _ in range(draw(st.integers(1, 3))):
        target = _piece(draw, draft, target, depth=depth, trouble=trouble)
    return target


def _piece(draw: st.DrawFn, draft: Draft, target: str, *, depth: int, trouble: bool) -> str:
    kinds = ["tool", "tool", "plan"]
    kinds += ["fork", "map"] if depth else []
    kinds += ["human", "wait", "validate"] if trouble else []
    kind = draw(st.sampled_from(kinds))
    if kind in ("fork", "map"):
        return _scope(draw, draft, kind, target, depth=depth, trouble=trouble)
    name = draft.name(kind)
    draft.nodes[name] = {}
    draft.nodes[name].update(_node(draw, kind, target, trouble=trouble))
    return name


def _node(draw: st.DrawFn, kind: str, target: str, *, trouble: bool) -> dict[str, object]:
    if kind == "plan":
        return {"kind": "plan", "rules": [{"when": "state.sum > 3", "to": target}, {"to": target}]}
    if kind == "human":
        return {"kind": "human", "ask": "well?", "outcomes": ["ok"], "routes": {"ok": target}}
    if kind == "wait":
        return {"kind": "wait", "for": "1s", "next": target}
    if kind == "validate":
        checks: list[dict[str, object]] = [{"name": "low", "when": "state.sum < 5"}]
        checks += [{"name": "tool", "tool": "pure", "with": {"x": 1}, "when": "result.y > 2"}]
        return {"kind": "validate", "checks": checks, "routes": {"pass": target, "fail": target}}
    tools = TOOLS if trouble else ("pure", "keep")
    node: dict[str, object] = {"kind": "tool", "tool": draw(st.sampled_from(tools)), "next": target}
    node["with"] = {"usd": 1} if node["tool"] == "pay" else {"x": draw(st.integers(0, 3))}
    node["writes"] = draw(_writes())
    if trouble and draw(st.booleans()):
        node["on_failure"] = draw(st.sampled_from(["pause", "fail", {"to": target}]))
    return node


def _writes() -> st.SearchStrategy[dict[str, object]]:
    values = {
        "seen": "${result.y}",
        "many": ["${result.y}", 1],
        "uniq": ["${result.y}"],
        "map": {"k": "${result.y}"},
        "sum": "${result.y}",
        "top": "${result.y}",
        "low": "${result.y}",
        "mine": "${result.y}",
    }
    names = st.lists(st.sampled_from(sorted(values)), unique=True, max_size=3)
    return names.map(lambda chosen: {name: values[name] for name in chosen})


def _scope(
    draw: st.DrawFn, draft: Draft, kind: str, target: str, *, depth: int, trouble: bool
) -> str:
    join = draft.name("join")
    draft.nodes[join] = {"kind": "plan", "rules": [{"to": target}]}
    plan = draft.name("open")
    draft.nodes[plan] = {}
    mode = draw(st.sampled_from(["all", "settle"]))
    common: dict[str, object] = {"join": join, "mode": mode, "max_concurrency": draw(st.integers(1, 3))}
    if kind == "map":
        entry = _sequence(draw, draft, join, depth=depth - 1, trouble=trouble)
        items = draw(st.lists(st.integers(0, 3), max_size=3))
        rule: dict[str, object] = {"map": {"over": items, "as": "item", "to": entry, **common}}
    else:
        count = draw(st.integers(1, 3))
        entries = [_sequence(draw, draft, join, depth=depth - 1, trouble=trouble) for _ in range(count)]
        optional = draw(st.booleans())
        branches = [{"to": entry, "optional": optional and index == 0} for index, entry in enumerate(entries)]
        rule = {"fork": {"branches": branches, **common}}
    draft.nodes[plan].update({"kind": "plan", "rules": [rule]})
    return plan
