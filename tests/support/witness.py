"""Watches the gate of one run, and holds every call that is made against what was decided about it."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, NamedTuple

from policies.decide import decide, review
from policies.model import Verdict
from workflows.contracts.calls import Call
from workflows.engine.observing import Observer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policies.model import Decision, Facts, Outcome, Request, Review
    from policies.tenant import TenantPolicy
    from workflows.engine.commands import StartCall

ISSUED = {Verdict.ALLOW, Verdict.MODIFY}


class Judged(NamedTuple):
    """What the gate was last asked about a call, as it was then."""

    policy: TenantPolicy
    request: Request
    facts: Facts
    decision: Decision


class Witness(Observer):
    """An observer that asks the gate again, at once and from copies."""

    def __init__(self) -> None:
        self.last: dict[str, Judged] = {}
        self.policy: TenantPolicy | None = None
        self.reviews = 0
        self.heads: list[str] = []

    def decided(self, call: str, policy: TenantPolicy, request: Request, facts: Facts, decision: Decision) -> None:
        """Keep what was asked."""
        self.last[call] = Judged(policy, deepcopy(request), deepcopy(facts), decision)
        self.policy = policy

    def reviewed(self, call: str, request: Request, facts: Facts, outcome: Outcome, found: Review) -> None:
        """The same facts give the same review."""
        assert call in self.last, "what was never decided has an outcome"
        assert self.policy is not None
        assert review(self.policy, deepcopy(request), deepcopy(facts), outcome) == found
        self.reviews += 1

    def recorded(self, record: Mapping[str, object], head: str, beside: Mapping[str, object]) -> None:
        """Every record has another head."""
        del record, beside
        self.heads.append(head)

    def check(self, command: StartCall) -> None:
        """The call is the very one that was decided, and the gate lets it pass."""
        call = Call.model_validate(command.payload)
        judged = self.last[command.call]
        again = decide(judged.policy, judged.request, judged.facts)
        assert again == judged.decision
        assert again.verdict in ISSUED
        assert (call.decision.verdict, tuple(call.decision.rules)) == (again.verdict.value, again.rules)
        assert call.name == judged.request.name
        args = judged.request.args
        assert isinstance(args, dict)
        assert call.args == ({**args, "max_tokens": again.max_tokens} if command.model else args)
