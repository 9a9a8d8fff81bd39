"""Runs decision cases against a policy: the same in `detent policy test` and in our own tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from policies.case_document import Wanted, read_request, read_want
from policies.case_facts import read_facts, read_outcome
from policies.decide import decide, review
from policies.document import PolicyDocument, parse_policy
from policies.errors import DocumentError
from policies.model import Decision, Review
from policies.reading import Reader, join, quoted, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policies.case_document import ToolLike
    from policies.model import Facts, Outcome, Request
    from policies.tenant import TenantPolicy

FILE = ("policy", "cases")
CASE = ("name", "policy", "tenant", "request", "facts", "after", "want")
NO_TOOLS: Mapping[str, ToolLike] = {}


@dataclass(frozen=True, slots=True)
class Case:
    """One case, ready to be decided; reviewed where it has an outcome."""

    name: str
    policy: TenantPolicy
    request: Request
    facts: Facts
    outcome: Outcome | None
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one case went; `differences` says in words what was not as wanted."""

    name: str
    decision: Decision | Review
    differences: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the gate answered as wanted."""
        return not self.differences


def run_cases(data: object, policy: PolicyDocument, tools: Mapping[str, ToolLike] = NO_TOOLS) -> tuple[CaseResult, ...]:
    """Decide every case of a document; `DocumentError` with all that is wrong with the document itself.

    The document is a list of `{name, policy?, tenant?, request, facts?, after?, want}`, or `{policy, cases}` where
    all share one. A case without a policy is decided by the one given, a case without a tenant as `default`.
    A request may name one of the `tools`; with `after`, the rules are asked that run after a call.
    """
    return tuple(_run(case) for case in parse_cases(data, policy, tools))


def parse_cases(data: object, policy: PolicyDocument, tools: Mapping[str, ToolLike] = NO_TOOLS) -> tuple[Case, ...]:
    """Read the cases of a document; `DocumentError` with everything that is wrong with it."""
    reader = Reader()
    path = ""
    if isinstance(data, dict):
        found = {key: item for _, key, item in reader.entries(data, "", known=FILE)}
        policy, data, path = _policy(reader, found, "policy", policy), found.get("cases", []), "cases"
    cases = [_read_case(reader, item, place, policy, tools) for place, item in reader.items(data, path)]
    reader.finish()
    return tuple(case for case in cases if case is not None)


def _read_case(
    reader: Reader, value: object, path: str, policy: PolicyDocument, tools: Mapping[str, ToolLike]
) -> Case | None:
    found = {key: item for _, key, item in reader.entries(value, path, known=CASE)}
    missing = [key for key in ("name", "request", "want") if key not in found]
    if missing:
        reader.add("missing", path, f"a case has {quoted(missing)}")
        return None
    slice_ = _tenant(reader, found, path, _policy(reader, found, join(path, "policy"), policy))
    if slice_ is None:
        return None
    request = read_request(reader, found["request"], f"{path}.request", tools)
    return Case(
        str(found["name"]),
        slice_,
        request,
        read_facts(reader, found.get("facts", {}), f"{path}.facts", slice_, request),
        read_outcome(reader, found["after"], f"{path}.after") if "after" in found else None,
        read_want(reader, found["want"], f"{path}.want"),
    )


def _policy(reader: Reader, found: Mapping[str, object], path: str, policy: PolicyDocument) -> PolicyDocument:
    if "policy" not in found:
        return policy
    try:
        return parse_policy(found["policy"])
    except DocumentError as error:
        for problem in error.problems:
            reader.add(problem.code, join(path, problem.path), problem.message, problem.suggestion)
        return policy


def _tenant(reader: Reader, found: Mapping[str, object], path: str, policy: PolicyDocument) -> TenantPolicy | None:
    name = found.get("tenant", "default")
    slice_ = policy.tenant(name) if isinstance(name, str) else None
    if slice_ is None:
        hint = f"it has {quoted(tuple(policy.tenants))}"
        reader.add("wrong_value", f"{path}.tenant", f"the policy has no tenant {shown(name)}", hint)
    return slice_


def _run(case: Case) -> CaseResult:
    wanted = case.wanted
    decision = _answer(case)
    pairs: list[tuple[str, object, object]] = [
        ("verdict", wanted.verdict, decision.verdict),
        ("reasons", wanted.reasons, decision.rules),
        ("warnings", wanted.warnings, tuple(reason.rule for reason in decision.warnings)),
    ]
    if isinstance(decision, Decision):
        pairs += [
            ("max_tokens", wanted.max_tokens, decision.max_tokens),
            ("asks", wanted.asks, decision.asks),
            ("downshift", wanted.downshift, decision.downshift),
        ]
    return CaseResult(
        case.name, decision, tuple(_difference(*pair) for pair in pairs if pair[1] not in {None, pair[2]})
    )


def _answer(case: Case) -> Decision | Review:
    if case.outcome is None:
        return decide(case.policy, case.request, case.facts)
    return review(case.policy, case.request, case.facts, case.outcome)


def _difference(what: str, wanted: object, got: object) -> str:
    shown_wanted, shown_got = (quoted(item) if isinstance(item, tuple) else shown(item) for item in (wanted, got))
    return f"{what}: wanted {shown_wanted or 'none'}, got {shown_got or 'none'}"
