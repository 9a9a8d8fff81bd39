"""Recorded decisions, decided again under another policy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cli.comparing import value_of
from policies.budget import UNITS, Limits
from policies.decide import decide, review
from policies.model import Trigger, Verdict
from policies.rules import RANK
from workflows.contracts.wire import Wire
from workflows.language.compile import compile_graph

if TYPE_CHECKING:
    from collections.abc import Iterator

    from temporalio.client import WorkflowHistory

    from cli.recording import Decided, Reviewed, Tape
    from policies.model import Decision, Facts, Standing
    from policies.tenant import TenantPolicy
    from policies.triggers import TriggerRule


class Rejudged(Wire):
    """One decision of a run, as it was and as it would be. `event` is the event of history that led to it.

    `rules` are those of the candidate, `rules_before` those that were recorded. `looser` says in what way the candidate
    is more permissive, null where it is not. `after_call`: it is the rules that read what the call used.
    """

    file: str
    event: int
    call: str
    name: str
    before: str
    after: str
    rules: tuple[str, ...]
    rules_before: tuple[str, ...]
    looser: str | None = None
    after_call: bool = False

    @property
    def changed(self) -> bool:
        """Whether anything is otherwise."""
        return self.looser is not None or (self.before, self.rules_before) != (self.after, self.rules)


def rejudge(file: str, tape: Tape, candidate: TenantPolicy, graph: Limits) -> Iterator[Rejudged]:
    """Every decision of a history again, in its order; `graph` is what the run's graph limits itself to.

    The facts are the recorded ones: what would have followed from another decision is not played.
    """
    candidate = replace(candidate, lifetime=candidate.lifetime.tightest(graph))
    rows = [(seen.event, place, _decided(file, seen, candidate)) for place, seen in enumerate(tape.decisions)]
    if tape.decisions:
        recorded = tape.decisions[0].policy
        reviews = [seen for seen in tape.reviews if recorded.guardrails or candidate.guardrails]
        rows += [(seen.event, -1, _reviewed(file, seen, candidate, recorded)) for seen in reviews]
    for _, _, row in sorted(rows, key=lambda row: row[:2]):
        yield row


def _decided(file: str, seen: Decided, candidate: TenantPolicy) -> Rejudged:
    before, after = seen.decision, decide(candidate, seen.request, facts_under(candidate, seen.policy, seen.facts))
    return Rejudged(
        file=file,
        event=seen.event,
        call=seen.call,
        name=seen.request.name,
        before=before.verdict.value,
        after=after.verdict.value,
        rules=after.rules,
        rules_before=before.rules,
        looser=_looser(before, after) or _easier(after, seen.policy, candidate),
    )


def _reviewed(file: str, seen: Reviewed, candidate: TenantPolicy, recorded: TenantPolicy) -> Rejudged:
    facts = facts_under(candidate, recorded, seen.facts)
    before, after = seen.review, review(candidate, seen.request, facts, seen.outcome)
    milder = RANK[after.verdict] < RANK[before.verdict]
    return Rejudged(
        file=file,
        event=seen.event,
        call=seen.call,
        name=seen.request.name,
        before=before.verdict.value,
        after=after.verdict.value,
        rules=tuple(reason.rule for reason in after.reasons),
        rules_before=tuple(reason.rule for reason in before.reasons),
        looser=_milder(before.verdict, after.verdict) if milder else None,
        after_call=True,
    )


def graph_limits(history: WorkflowHistory) -> Limits:
    """What the graph of a recorded run limits itself to."""
    given = history.events[0].workflow_execution_started_event_attributes.input.payloads
    sent = value_of(given[0]) if given else None
    graph = sent.get("graph") if isinstance(sent, dict) else None
    return compile_graph(graph).limits if isinstance(graph, dict) else Limits()


def facts_under(candidate: TenantPolicy, recorded: TenantPolicy, facts: Facts) -> Facts:
    """The same facts with the candidate's limits: a graph's tighter ones, and what people raised, stay."""
    windows = [window.limits for window in candidate.windows]
    most = _tightest(windows)
    tenant = None if facts.tenant is None or not windows else replace(facts.tenant, limit=most)
    return replace(
        facts,
        execution=_under(facts.execution, recorded.execution, candidate.execution),
        lifetime=_under(facts.lifetime, recorded.lifetime, candidate.lifetime),
        tenant=tenant,
        lease=None if tenant is None else facts.lease,
    )


def _tightest(limits: list[Limits]) -> Limits:
    found = Limits()
    for one in limits:
        found = found.tightest(one)
    return found


def _under(standing: Standing, recorded: Limits, candidate: Limits) -> Standing:
    """A standing under the candidate's limit: raised as people raised it, lower where a graph or people said so."""
    limits = {
        unit: _limit(getattr(standing.limit, unit), getattr(recorded, unit), getattr(candidate, unit)) for unit in UNITS
    }
    return replace(standing, limit=replace(standing.limit, **limits))


def _limit(now: int | None, was: int | None, new: int | None) -> int | None:
    """What held, what the recorded policy gave, what the candidate gives: null is no limit."""
    if new is None or now is None or now == was:
        return new if now is None or now == was or (was is not None and now > was) else now
    return min(now, new) if was is None or now < was else new + now - was


def _looser(before: Decision, after: Decision) -> str | None:
    """In what way a decision lets more pass than the one that was recorded."""
    if RANK[after.verdict] < RANK[before.verdict]:
        return _milder(before.verdict, after.verdict)
    if after.verdict is before.verdict is Verdict.ASK:
        less = [trigger.value for trigger in before.asks if trigger not in after.asks]
        return f"no longer asks by {', '.join(less)}" if less else None
    if before.verdict is Verdict.MODIFY and (after.max_tokens or 0) > (before.max_tokens or 0):
        return f"lets {after.max_tokens} tokens pass where it was {before.max_tokens}"
    return None


def _milder(before: Verdict, after: Verdict) -> str:
    return f"`{after.value}` where it was `{before.value}`"


def _easier(after: Decision, recorded: TenantPolicy, candidate: TenantPolicy) -> str | None:
    """In what way the people who are asked can let it pass more easily."""
    if after.verdict is not Verdict.ASK:
        return None
    if recorded.answerers.require_signature and not candidate.answerers.require_signature:
        return "answers need no signature any more"
    for trigger in after.asks:
        found = _easier_rule(trigger, recorded.triggers.get(trigger), candidate.triggers.get(trigger))
        if found is not None:
            return found
    return None


def _easier_rule(trigger: Trigger, was: TriggerRule | None, now: TriggerRule | None) -> str | None:
    if was is None or now is None:
        return None
    if now.quorum < was.quorum:
        return f"{trigger.value}: a quorum of {now.quorum} where it was {was.quorum}"
    if was.not_starter and not now.not_starter:
        return f"{trigger.value}: whoever started the run may answer"
    more = [entry for entry in now.answerers if entry not in was.answerers]
    if was.answerers and (more or not now.answerers):
        return f"{trigger.value}: {', '.join(more) or 'anyone'} may answer"
    return None
