"""Plays the world for a run with agents: models that want anything, tools that give anything, people who interfere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.host import OVERRUN, USAGE, Host
from tests.support.simulator import gave, turn
from workflows.contracts.calls import Call
from workflows.engine import events
from workflows.engine.effects import FREE

if TYPE_CHECKING:
    from workflows.engine.commands import StartCall

WANTED: tuple[tuple[str, dict[str, object]], ...] = (
    ("pure", {"x": 1}),
    ("fs.read", {"path": "a"}),
    ("fs.read", {"path": ".env"}),
    ("keep", {"x": 2}),
    ("pay", {"usd": 3}),
    ("risky", {"x": 4}),
    ("risky", {"x": 5}),
    ("forbidden", {"x": 6}),
    ("pure", {"x": "wrong"}),
    ("unknown", {}),
    ("request_capability", {"kind": "tool", "name": "web.fetch", "reason": "to look"}),
)


class AgentHost(Host):
    """Like `Host`; `talks` keeps what each agent was told and what it wanted, by its conversation."""

    def __init__(self, document: dict[str, object], seed: int, *, trouble: bool, **tenant: object) -> None:
        super().__init__(document, seed, trouble=trouble, **tenant)
        self.wanted: dict[str, list[str]] = {}
        self.begun: dict[str, list[int]] = {}

    def feed(self, event: events.Event) -> None:
        """Check what each model call tells: exactly the results of what was wanted, in that order."""
        if isinstance(event, events.CallSucceeded) and isinstance(event.output, dict) and "tool_calls" in event.output:
            owner = event.call.rpartition(":")[0]
            if event.call in self.run.calls:
                self.wanted[owner] = [use["id"] for use in event.output["tool_calls"]]
        super().feed(event)
        for call, command in self.run.calls.items():
            if command in self.run.given[-20:]:
                self._check(call, Call.model_validate(command.payload))

    def _check(self, call: str, sent: Call) -> None:
        if "messages" not in sent.args or sent.args.get("compact", {}).get("how") == "summary":
            return
        message = sent.args["messages"][0] if "agent" in sent.args else None
        if message is not None:
            told = [result["id"] for result in message.get("results", [])]
            before = self.wanted.get(call.rpartition(":")[0], []) if "transcript" in sent.args else []
            assert told == before, call

    def endings(self, call: str, command: StartCall) -> list[events.Event]:
        """What a model may want, and what a tool may give it."""
        payload = command.payload
        args: Any = payload["args"]
        at = self.run.now_ms
        if payload.get("content"):
            text = "x" * self.random.choice((1, 600))
            return [*([gave(at, call, text)] * self.luck), *self._failures(call, command)]
        if not args.get("agent"):
            return super().endings(call, command)
        said = {"text": "hm", "tokens": 60, "bytes": 300}
        if args.get("compact", {}).get("how") != "summary":
            said |= self._said()
        return [*([turn(at, call, said)] * self.luck), *self._failures(call, command)]

    def _said(self) -> dict[str, object]:
        if self.random.random() < 0.3:
            return {"stop": self.random.choice(("end_turn", "max_tokens", "refusal"))}
        return {"calls": [list(self.random.choice(WANTED)) for _ in range(self.random.randint(1, 5))]}

    def _failures(self, call: str, command: StartCall) -> list[events.Event]:
        if not self.trouble:
            return []
        at = self.run.now_ms
        found: list[events.Event] = [
            events.CallFailed(at, call, "ToolFailed", "it failed", 1, "no"),
            events.CallFailed(at, call, "Timeout", "lost"),
            events.CallFailed(at, call, "MaybeBilled", "cut", 1, "yes", OVERRUN if self.luck == 1 else USAGE),
        ]
        return [*found, events.CallCancelled(at, call)] if command.cancellable else found

    def interruptions(self) -> list[events.Event]:
        """People tell agents things, too."""
        at = self.run.now_ms
        told: list[events.Event] = [
            events.Steered(at, "ann", "Mind this."),
            events.Steered(at, "ann", "Stop that.", interrupt=True),
        ]
        return [*super().interruptions(), *told]


def effects_overlap(host: AgentHost) -> bool:
    """Whether two effects of one agent's turn are in flight at once."""
    m = host.run.engine._m
    for agent in m.state.agents.values():
        flying = [
            slot
            for slot in agent.slots
            if slot.effect not in FREE and slot.call is not None and _flies(host, slot.call)
        ]
        if len(flying) > 1:
            return True
    return False


def _flies(host: AgentHost, activation: str) -> bool:
    m = host.run.engine._m
    call = m.state.activations[activation].call
    return call is not None and m.state.calls[call].status == "in_flight"
