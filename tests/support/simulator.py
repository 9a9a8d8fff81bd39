"""Runs the engine without a server: events as lines of text in, commands as lines of text out."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Literal

from policies.budget import Amount
from tests.support import signers
from tests.support.cards import tool_card
from workflows.contracts.calls import Call, ModelOutput, Usage
from workflows.contracts.conversation import INLINE_BYTES, Content, Ref, ToolUse
from workflows.contracts.pause import Answer, AnswerReceipt, Refusal
from workflows.engine import commands, events
from workflows.engine.clock import rfc3339
from workflows.engine.engine import Engine
from workflows.engine.machine import RunFacts
from workflows.language.compile import compile_graph

if TYPE_CHECKING:
    from collections.abc import Callable

    from workflows.contracts.run import RunCard
    from workflows.engine.observing import Observer

START_MS = 1_700_000_000_000
STEP_MS = 10
HOUR_MS = 3_600_000


class Simulator:
    """One run. After every event the engine is snapshotted, restored and compared with itself."""

    def __init__(self, document: dict[str, object], card: RunCard, run_input: object = None) -> None:
        self.graph_document = document
        self.graph = compile_graph(document)
        self.card = card
        self.facts = RunFacts("default", "default/test/1", "run-1", "run-1", run_input)
        self.engine = Engine(self.graph, card, self.facts)
        self.now_ms = START_MS
        self.calls: dict[str, commands.StartCall] = {}
        self.every_call: list[commands.StartCall] = []
        self.timers: dict[str, int] = {}
        self.given: list[commands.Command] = []
        self.phase = ""
        self.observer: Observer | None = None

    def watch(self, observer: Observer) -> None:
        """Tell somebody of every decision from now on."""
        self.observer = observer
        self.engine.watch(observer)

    def feed(self, event: events.Event) -> list[commands.Command]:
        """Apply one event and keep track of what is in flight."""
        if isinstance(event, events.CallSucceeded | events.CallFailed | events.CallCancelled):
            self.calls.pop(event.call, None)
        elif isinstance(event, events.TimerFired):
            self.timers.pop(event.timer, None)
        given = list(self.engine.apply(event))
        self.given += given
        for command in given:
            self._track(command)
        self._round_trip()
        return given

    def _track(self, command: commands.Command) -> None:
        if isinstance(command, commands.StartCall):
            self.calls[command.call] = command
            self.every_call.append(command)
        elif isinstance(command, commands.StartTimer):
            self.timers[command.timer] = command.due_ms
        elif isinstance(command, commands.CancelTimer):
            self.timers.pop(command.timer, None)

    def _round_trip(self) -> None:
        before = json.loads(json.dumps(self.engine.snapshot()))
        restored = Engine.restore(self.graph, self.engine.card, self.facts, before)
        assert json.loads(json.dumps(restored.snapshot())) == before
        assert restored.view() == self.engine.view()
        assert restored.timers() == self.timers == self.engine.timers()
        self.engine = restored
        if self.observer is not None:
            self.engine.watch(self.observer)

    def say(self, line: str) -> list[str]:
        """One event, written as a line (see tests/scenarios/README.md), and the commands that it gave."""
        words = line.split(" ")
        self.now_ms += int(words.pop(0)) if words[0].startswith("+") else STEP_MS
        rows = [_row(command, self) for command in self.feed(self._event(words[0], words[1:]))]
        if self.engine.phase != self.phase:
            self.phase = self.engine.phase
            rows.append(f"phase {self.phase}")
        return rows or ["nothing"]

    def _event(self, verb: str, rest: list[str]) -> events.Event:
        at = self.now_ms
        controls: dict[str, Callable[[], events.Event]] = {
            "start": lambda: events.RunStarted(at),
            "hold": lambda: events.HoldRequested(at, "ann"),
            "lift": lambda: events.HoldLifted(at, "ann"),
            "cancel": lambda: events.CancelRequested(at, "ann"),
            "drain": lambda: events.DrainRequested(at),
            "carry": lambda: events.CarryResumed(at),
            "cancelled": lambda: events.CallCancelled(at, rest[0]),
            "timer": lambda: events.TimerFired(at, rest[0]),
            "granted": lambda: events.LeaseArrived(at, _units(rest[1:]), at + HOUR_MS, int(rest[0])),
            "settled": lambda: events.LeaseSettled(at, int(rest[0])),
            "found": lambda: _probed(at, verb, rest),
            "unfound": lambda: _probed(at, verb, rest),
        }
        if verb in controls:
            return controls[verb]()
        if verb == "ok":
            return self._ok(rest)
        if verb == "turn":
            return turn(at, rest[0], json.loads(" ".join(rest[1:])))
        if verb == "gave":
            return gave(at, rest[0], " ".join(rest[1:]))
        if verb in ("steer", "interrupt"):
            return events.Steered(at, "ann", " ".join(rest), interrupt=verb == "interrupt")
        if verb == "fail":
            billed: Literal["no", "maybe"] = "no" if rest[1].endswith("Failed") else "maybe"
            return events.CallFailed(at, rest[0], rest[1], " ".join(rest[2:]) or "it failed", 1, billed)
        if verb == "answer":
            return events.AnswerArrived(at, self._answer(rest[0], rest[1], rest[2:]))
        raise ValueError(f"no event `{verb}`")

    def _answer(self, pause: str, outcome: str, words: list[str]) -> Answer:
        """Written `[by=NAME] [scope=SCOPE] [signed] [DATA]`; the digest of a signed one is that of the open pause."""
        said: dict[str, object] = {"pause": pause, "outcome": outcome, "by": "ann"}
        sign = False
        while words and (words[0] == "signed" or words[0].startswith(("by=", "scope="))):
            name, _, value = words.pop(0).partition("=")
            sign = sign or name == "signed"
            said.update({name: value} if value else {})
        if words:
            said["data"] = json.loads(" ".join(words))
        return self.signed(said) if sign else Answer.model_validate(said)

    def signed(self, said: dict[str, object]) -> Answer:
        """The answer, signed by whom it is from; it lives for an hour from now."""
        digests = {pause.id: pause.digest for pause in self.engine.pauses()}
        times = {"issued_at": rfc3339(self.now_ms), "expires_at": rfc3339(self.now_ms + HOUR_MS)}
        full = {"digest": digests.get(str(said["pause"]), ""), **times, **said}
        return Answer.model_validate(signers.signed(full, str(said["by"])))

    def _ok(self, rest: list[str]) -> events.CallSucceeded:
        output = json.loads(" ".join(rest[1:])) if len(rest) > 1 else None
        usage = None
        if isinstance(output, dict) and "tokens" in output:
            usage = Usage(**{key: output.pop(key) for key in ("tokens", "cost_nano") if key in output})
        return events.CallSucceeded(self.now_ms, rest[0], output, usage)


def turn(at_ms: int, call: str, said: dict[str, Any]) -> events.CallSucceeded:
    """A model's turn: `calls` are pairs of a tool and its arguments, `tokens` input and output, `output` of it."""
    uses = [ToolUse(id=f"u{index}", name=name, args=args) for index, (name, args) in enumerate(said.get("calls", []))]
    found = hashlib.sha256(call.encode()).hexdigest()
    said_reason = said.get("stop", "tool_use" if uses else "end_turn")
    output = ModelOutput(
        text=said.get("text", ""),
        output=said.get("output"),
        stop_reason=said_reason,
        tool_calls=tuple(uses),
        fault=said.get("fault"),
        transcript=Ref(uri=f"blob:default/{found}", digest=found, size_bytes=100),
        transcript_bytes=said.get("bytes", 1000),
    )
    spent = int(said.get("tokens", 10))
    out = int(said.get("out", 0))
    usage = Usage(tokens=spent, input_tokens=spent - out, output_tokens=out)
    return events.CallSucceeded(at_ms, call, output.model_dump(mode="json"), usage)


def gave(at_ms: int, call: str, text: str) -> events.CallSucceeded:
    """What a tool gave an agent; what is long comes by reference."""
    found = hashlib.sha256(text.encode()).hexdigest()
    ref = Ref(uri=f"blob:default/{found}", digest=found, size_bytes=len(text))
    content = Content(text=text, ref=ref if len(text) > INLINE_BYTES else None)
    return events.CallSucceeded(at_ms, call, None, content=content)


def _probed(at: int, verb: str, rest: list[str]) -> events.Probed:
    """Written `found GAP {ARGUMENT: TYPE}`, a tool with these arguments, or `unfound GAP REASON`."""
    gap, words = rest[0], " ".join(rest[1:])
    if verb == "unfound":
        return events.Probed(at, gap, failed=words)
    card = tool_card(gap.split(":")[1], json.loads(words)) if words else None
    return events.Probed(at, gap, card=None if card is None else card.model_dump(mode="json"))


def _row(command: commands.Command, run: Simulator) -> str:
    match command:
        case commands.StartCall():
            call = Call.model_validate(command.payload)
            args = json.dumps(call.args, ensure_ascii=False, sort_keys=True)
            again = f" again={call.generation}" if call.generation else ""
            decided = f"{call.decision.verdict}[{','.join(call.decision.rules)}]"
            return f"call {command.call} {command.activity} {args} {decided}{again}"
        case commands.CancelCall():
            return f"give up {command.call}"
        case commands.StartTimer():
            return f"timer {command.timer} in {command.due_ms - run.now_ms} ms"
        case commands.CancelTimer():
            return f"forget timer {command.timer}"
        case commands.TellAnswer():
            return _told(command.outcome)
        case commands.TakeLease() | commands.SettleLease() | commands.Probe():
            return _asked(command)
        case commands.FinishRun():
            return _end(run)


def _told(outcome: AnswerReceipt | Refusal) -> str:
    if isinstance(outcome, AnswerReceipt):
        return f"accepted, waits for {outcome.waits_for} more" if outcome.waits_for else "accepted"
    return f"refused: {outcome.reason}"


def _asked(command: commands.TakeLease | commands.SettleLease | commands.Probe) -> str:
    if isinstance(command, commands.Probe):
        return f"probe {command.number}: {command.kind} {command.name}"
    if isinstance(command, commands.TakeLease):
        return f"lease {command.fence}: {_amount(command.want)}, at least {_amount(command.need)}"
    return f"settle {command.fence}: {_amount(command.used)} used{' for good' if command.final else ''}"


def _units(words: list[str]) -> Amount:
    return Amount(**json.loads(" ".join(words)))


def _amount(amount: Amount) -> str:
    found = amount._asdict()
    return json.dumps({unit: n for unit, n in found.items() if n})


def _end(run: Simulator) -> str:
    view = run.engine.view()
    error = "" if view.error is None else f" {view.error.type}: {view.error.message}"
    output = "" if view.output is None else " output " + json.dumps(view.output, ensure_ascii=False, sort_keys=True)
    state = json.dumps(view.state, ensure_ascii=False, sort_keys=True)
    return f"finish {view.phase}{error}{output} state {state}"
