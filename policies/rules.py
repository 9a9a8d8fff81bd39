"""Guardrails at work: which of the operator's rules hold for a call, and what follows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from policies.cel_closures import closure
from policies.cel_operations import Unsure
from policies.cel_parser import parse
from policies.cel_values import concatenate
from policies.errors import ExpressionError
from policies.guardrails import FIELDS, Action, Guardrail
from policies.model import Facts, Outcome, Reason, Request, Trigger, Verdict
from policies.rule_facts import NO_OUTCOME, Moment, bind
from policies.rule_index import Index
from policies.stages import ask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policies.cel_environment import Fetch
    from policies.expressions import Path, Program
    from policies.tenant import TenantPolicy

    Bindings = dict[str, object]

MAX_MESSAGE: Final = 300
CACHED: Final = 256
ONCE: Final[tuple[dict[str, object], ...]] = ({},)
"""What a rule is evaluated for that reads no capability."""
_VERDICTS: Final[Mapping[Action, Verdict]] = {
    "warn": Verdict.ALLOW,
    "ask": Verdict.ASK,
    "deny": Verdict.DENY,
    "reject_execution": Verdict.REJECT,
    "pause_lifetime": Verdict.PAUSE,
    "abort_lifetime": Verdict.ABORT,
}
RANK: Final = {verdict: rank for rank, verdict in enumerate(Verdict)}
"""How strict a verdict is."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A guardrail, ready to be evaluated. `names` are what it is called where people have let it pass."""

    guardrail: Guardrail
    condition: Program | None
    words: tuple[str | Program, ...]
    paths: tuple[Path, ...]
    quick: Fetch | None
    fault: str | None
    per_need: bool

    @property
    def id(self) -> str:
        """The id of the rule where it speaks."""
        return f"guardrail.{self.guardrail.id}"

    @property
    def error_id(self) -> str:
        """The id under which its error is told."""
        return f"rule_error:{self.guardrail.id}"


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of one moment, by id, and by what a call must be for them to matter.

    `quick` are those of no such kind that one closure settles.
    """

    all: tuple[Rule, ...]
    index: Index[Rule]
    quick: tuple[tuple[Fetch, Rule], ...]


@dataclass(slots=True)
class Finding:
    """What one rule says of a call, and the facts that it was asked about."""

    rule: Rule
    reason: Reason
    bindings: Bindings

    @property
    def warns(self) -> bool:
        """Whether what it says is for people only."""
        return self.rule.guardrail.then == "warn" and self.reason.rule == self.rule.id


def judge_rules(
    policy: TenantPolicy, request: Request, facts: Facts, outcome: Outcome | None = None
) -> tuple[Finding, ...]:
    """What the rules say that run before the call, or after it where there is an outcome: those that speak, by id."""
    return tuple(examine(policy, request, facts, outcome)) if policy.guardrails else ()


def examine(
    policy: TenantPolicy, request: Request, facts: Facts, outcome: Outcome | None = None, *, silent: bool = False
) -> Iterator[Finding]:
    """What every rule of the moment says, by id, that people have not let pass; of `silent` ones only if asked for.

    The bindings of a finding hold until the next one is taken.
    """
    rules = _rules_of(policy)[0 if outcome is None else 1]
    at = Moment(policy, request, facts, outcome or NO_OUTCOME, outcome is not None)
    bindings = bind(at)
    needs: list[Bindings] = [{"kind": need.kind, "value": need.pattern} for need in request.needs]
    for rule in rules.all if silent else _not_silent(rules, bindings, needs):
        if request.latched and _is_latched(rule, request.latched):
            continue
        reason = _judge(at, rule, bindings, needs)
        if reason is not None:
            yield Finding(rule, reason, bindings)
        elif silent:
            yield Finding(rule, Reason(rule.id, Verdict.ALLOW, "it does not hold"), bindings)


def rules_after(policy: TenantPolicy) -> tuple[Rule, ...]:
    """The rules that run after a call only."""
    return _rules_of(policy)[1].all


def _rules_of(policy: TenantPolicy) -> tuple[RuleSet, RuleSet]:
    """Compiled once for a policy: to look them up by all the guardrails would take longer than to evaluate them."""
    found: tuple[RuleSet, RuleSet] | None = policy.__dict__.get("_rules")
    if found is None:
        found = policy.__dict__["_rules"] = compiled(policy.guardrails)
    return found


@lru_cache(maxsize=CACHED)
def compiled(guardrails: tuple[Guardrail, ...]) -> tuple[RuleSet, RuleSet]:
    """The rules that run before calls, and those that run after them."""
    rules = sorted(map(_compile, guardrails), key=_order)
    before = tuple(rule for rule in rules if rule.fault is not None or not rule.guardrail.is_after)
    after = tuple(rule for rule in rules if rule.fault is None and rule.guardrail.is_after)
    return _set(before), _set(after)


def _set(rules: tuple[Rule, ...]) -> RuleSet:
    index = Index((rule, None if rule.fault else parse(rule.guardrail.when)) for rule in rules)
    quick = tuple((rule.quick, rule) for rule in index.always if rule.quick is not None and not rule.per_need)
    index.always = [rule for rule in index.always if rule.quick is None or rule.per_need]
    return RuleSet(rules, index, quick)


def _compile(guardrail: Guardrail) -> Rule:
    """A rule that does not compile is in error every time; documents with such rules do not load."""
    try:
        condition, words, paths = guardrail.condition, guardrail.words, guardrail.paths
    except ExpressionError as error:
        return Rule(guardrail, None, (), (), None, str(error), per_need=False)
    per_need = any(path.name == "capability" for path in paths)
    return Rule(guardrail, condition, words, paths, closure(parse(guardrail.when), FIELDS), None, per_need)


def _is_latched(rule: Rule, latched: frozenset[str]) -> bool:
    return rule.id in latched or rule.guardrail.id in latched or rule.error_id in latched


def _not_silent(rules: RuleSet, bindings: Bindings, needs: list[Bindings]) -> list[Rule]:
    """The rules that may have something to say, found out fast: whatever is not certain is looked at closely."""
    found: list[Rule] = []
    for quick, rule in rules.quick:
        try:
            if quick(bindings) is not False:
                found.append(rule)
        except (Unsure, ExpressionError):
            found.append(rule)
    kinds = dict.fromkeys(str(need["kind"]) for need in needs)
    rest = (*rules.index.always, *rules.index.others(bindings, kinds))
    found += [rule for rule in rest if not _is_silent(rule, bindings, needs)]
    found.sort(key=_order)
    return found


def _is_silent(rule: Rule, bindings: Bindings, needs: list[Bindings]) -> bool:
    quick = rule.quick
    if quick is None:
        return False
    try:
        for need in needs if rule.per_need else ONCE:
            bindings["capability"] = need
            if quick(bindings) is not False:
                return False
    except (Unsure, ExpressionError):
        return False
    return True


def _order(rule: Rule) -> tuple[str, ...]:
    guardrail = rule.guardrail
    return (guardrail.id, guardrail.when, guardrail.then, guardrail.message)


def _judge(at: Moment, rule: Rule, bindings: Bindings, needs: list[Bindings]) -> Reason | None:
    """A rule about capabilities holds if it does for any need; only where it holds for none its errors count."""
    fault = rule.fault
    for need in needs if rule.per_need else ONCE:
        bindings["capability"] = need
        try:
            if _holds(rule, bindings):
                break
        except ExpressionError as error:
            fault = fault or str(error)
    else:
        return None if fault is None else _error(at, rule, fault, holds=False)
    try:
        return _reason(at, rule, _message(rule, bindings))
    except ExpressionError as error:
        return _error(at, rule, str(error), holds=True)


def _holds(rule: Rule, bindings: Bindings) -> bool:
    if rule.quick is not None:
        try:
            return rule.quick(bindings) is True
        except (Unsure, ExpressionError):
            pass  # the engine says what is wrong, or that nothing is
    return rule.condition is not None and rule.condition.evaluate(bindings) is True


def _message(rule: Rule, bindings: Bindings) -> str:
    """The author's words, rendered once: what comes out of it is text."""
    text = concatenate([piece if isinstance(piece, str) else piece.evaluate(bindings) for piece in rule.words])
    text = text or f"the rule `{rule.guardrail.id}` holds"
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"


def _reason(at: Moment, rule: Rule, message: str) -> Reason:
    action = rule.guardrail.then
    if at.is_after and action in {"ask", "deny"}:
        return _error(at, rule, f"`{action}` comes too late after a call", holds=True)
    if action == "ask":
        return ask(at.policy, at.request, Trigger.GUARDRAIL, rule.id, message)
    trigger = Trigger.GUARDRAIL if action == "pause_lifetime" else None
    return Reason(rule.id, _VERDICTS[action], message, trigger)


def _error(at: Moment, rule: Rule, fault: str, *, holds: bool) -> Reason:
    """Fail closed: at least what errors lead to, and what the rule leads to where it holds even so."""
    verdicts = [Verdict.PAUSE if at.is_after else Verdict.DENY, *([_VERDICTS[rule.guardrail.then]] if holds else ())]
    verdict = max(verdicts, key=RANK.__getitem__)
    message = f"the rule `{rule.guardrail.id}` could not be evaluated: {fault}"
    cut = message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 1] + "…"
    return Reason(rule.error_id, verdict, cut, Trigger.GUARDRAIL if verdict is Verdict.PAUSE else None)
