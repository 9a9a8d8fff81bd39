"""Random graphs that are valid by construction, and budgets to run them under, for properties of the engine."""

from __future__ import annotations

import random
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
    "few": {"reducer": "append", "schema": {"type": "array", "maxItems": 2}},
}
TOOLS = ("pure", "keep", "pay", "risky", "forbidden")
VALUES: dict[str, object] = {
    "seen": "${result.y}",
    "many": ["${result.y}", 1],
    "uniq": ["${result.y}"],
    "map": {"k": "${result.y}"},
    "sum": "${result.y}",
    "top": "${result.y}",
    "low": "${result.y}",
    "mine": "${result.y}",
}


@dataclass
class Draft:
    """A graph in the making: nodes by name. `trouble` says whether anything may go wrong in it."""

    random: random.Random
    trouble: bool
    nodes: dict[str, dict[str, object]] = field(default_factory=dict)

    def name(self, kind: str) -> str:
        """A fresh node name, taken at once."""
        name = f"{kind}{len(self.nodes)}"
        self.nodes[name] = {}
        return name

    def pick(self, *options: object) -> object:
        """One of the options."""
        return self.random.choice(options)

    def chance(self, times: int) -> bool:
        """True once in so many times."""
        return self.random.randrange(times) == 0


@st.composite
def graphs(draw: st.DrawFn, *, trouble: bool = True, depth: int = 3) -> dict[str, object]:
    """A document; with `trouble` it has risky tools, models, people, timers, failures, denials and early ends, too.

    A seed makes it, because hypothesis by itself prefers graphs that are too small to go wrong.
    """
    draft = Draft(random.Random(draw(st.integers(0, 2**32))), trouble)  # noqa: S311  a graph, not a secret
    start = _sequence(draft, "end", depth=depth)
    return {
        "graph": "random",
        "version": "1.0.0",
        "capabilities": [{"tool": list(TOOLS)}, {"model": ["default", "small"]}],
        "state": CHANNELS,
        "start": start,
        "nodes": draft.nodes,
        "output": {name: f"${{state.{name}}}" for name in CHANNELS if name != "mine"},
    }


@st.composite
def budgets(draw: st.DrawFn) -> dict[str, object]:
    """Limits of a tenant, many of them small enough to wait, to modify, to deny."""

    def pick(*options: object) -> object:
        return draw(st.sampled_from((*[None] * 6, *options)))

    return {
        "execution": {"tokens": pick(1300, 2600), "cost_usd": pick(0.02), "wall_clock": pick("50ms", "1s")},
        "lifetime": {
            "tokens": pick(1500, 2500, 6000),
            "cost_usd": pick(0.03),
            "steps": pick(4, 20),
            "wall_clock": pick("100ms", "2s"),
            "tool_calls": pick(2, 6),
        },
    }


def _sequence(draft: Draft, exit_to: str, *, depth: int, task: bool = False) -> str:
    """A chain of one to three pieces that ends at `exit_to`, a task first if need be; the name of its first node."""
    target = exit_to
    for _ in range(draft.random.randint(1, 1 + depth)):
        target = _piece(draft, target, depth=depth)
    return _task(draft, "tool", target) if task else target


def _piece(draft: Draft, target: str, *, depth: int) -> str:
    kinds = ["tool", "tool", "plan", "loop"]
    kinds += ["fork", "map"] * depth
    kinds += ["human", "wait", "validate", "model", "model"] if draft.trouble else []
    kind = str(draft.pick(*kinds))
    if kind in ("fork", "map"):
        return _scope(draft, kind, target, depth=depth)
    if kind == "loop":
        again = draft.name("again")
        head = _task(draft, "tool", again)
        rules: list[dict[str, object]] = [{"when": "visit < 2", "to": head}, {"to": target}]
        draft.nodes[again] = {"kind": "plan", "rules": rules}
        return head
    return _task(draft, kind, target)


def _task(draft: Draft, kind: str, target: str) -> str:
    name = draft.name(kind)
    made = {"plan": _plan, "human": _human, "wait": _wait, "validate": _validate, "model": _model}.get(kind, _tool)
    draft.nodes[name] = made(draft, target)
    if draft.trouble and kind != "plan" and draft.chance(2):
        on_failure = draft.pick(*["pause", {"to": target}] * 4, "fail", {"to": "fail"}, {"to": "end"})
        draft.nodes[name]["on_failure"] = on_failure
    return name


def _plan(draft: Draft, target: str) -> dict[str, object]:
    early = draft.pick(*[target] * 8, "end", "fail") if draft.trouble else target
    return {"kind": "plan", "rules": [{"when": "state.sum > 3", "to": early}, {"to": target}]}


def _human(draft: Draft, target: str) -> dict[str, object]:
    node: dict[str, object] = {"kind": "human", "ask": "well?", "outcomes": ["ok"], "routes": {"ok": target}}
    return {**node, "deadline": "1m", "on_timeout": draft.pick("abort", *["keep_waiting", "ok"] * 5)}


def _wait(draft: Draft, target: str) -> dict[str, object]:
    return {"kind": "wait", "for": draft.pick("1s", "2s"), "next": target}


def _validate(draft: Draft, target: str) -> dict[str, object]:
    checks: list[dict[str, object]] = [{"name": "low", "when": "state.sum < 5"}]
    tool = draft.pick("pure", "pay")
    checks += [{"name": "tool", "tool": tool, "with": {"usd" if tool == "pay" else "x": 1}, "when": "result.y > 2"}]
    return {"kind": "validate", "checks": checks, "routes": {"pass": target, "fail": target}}


def _model(draft: Draft, target: str) -> dict[str, object]:
    node: dict[str, object] = {"kind": "model", "model": "default", "prompt": "hi", "next": target}
    return {**node, "max_tokens": draft.pick(300, 1000), "writes": {"uniq": ["${result.text}"]}}


def _tool(draft: Draft, target: str) -> dict[str, object]:
    tool = draft.pick(*(("forbidden", *("pure", "keep", "pay", "risky") * 15) if draft.trouble else ("pure", "keep")))
    args = {"usd": 1} if tool == "pay" else {"x": draft.random.randint(0, 3)}
    channels = draft.random.sample(sorted(VALUES), draft.random.randint(0, 3))
    writes = {channel: VALUES[channel] for channel in channels}
    if draft.trouble and draft.chance(10):
        writes["few"] = "${result.y}"
    return {"kind": "tool", "tool": tool, "with": args, "next": target, "writes": writes}


def _scope(draft: Draft, kind: str, target: str, *, depth: int) -> str:
    """A plan that opens a scope; its join is a node of its own, or the plan itself, which is then visited again."""
    plan = draft.name("open")
    again = draft.chance(3)
    join = plan if again else draft.name("join")
    common: dict[str, object] = {
        "join": join,
        "mode": draft.pick("all", "settle"),
        "max_concurrency": draft.random.randint(1, 3),
    }
    if kind == "map":
        entry = _sequence(draft, join, depth=depth - 1, task=again)
        items = draft.random.choices(range(4), k=draft.random.randint(0, 4))
        rule: dict[str, object] = {"map": {"over": items, "as": "item", "to": entry, **common}}
    else:
        count = draft.random.randint(1, 3)
        entries = [_sequence(draft, join, depth=depth - 1, task=again) for _ in range(count)]
        optional = draft.chance(2)
        branches = [{"to": entry, "optional": optional and index == 0} for index, entry in enumerate(entries)]
        rule = {"fork": {"branches": branches, **common}}
    if again:
        draft.nodes[plan] = {"kind": "plan", "rules": [{"when": "visit > 2", "to": target}, rule]}
    else:
        draft.nodes[plan] = {"kind": "plan", "rules": [rule]}
        draft.nodes[join] = {"kind": "plan", "rules": [{"to": target}]}
    return plan
