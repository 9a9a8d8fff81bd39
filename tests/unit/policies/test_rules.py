"""Guardrails: the operator's rules hold for what they read, before a call or after it, and fail closed."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from policies.budget import Amount, Limits
from policies.decide import decide, review
from policies.explain import explain
from policies.guardrails import AFTER, FIELDS, Action, Guardrail
from policies.model import Counts, Facts, Last, Outcome, Request, Risk, Seen, Standing, Trigger, Verdict
from policies.risk import RiskRules
from policies.rule_facts import GETTERS
from policies.tenant import TenantPolicy
from policies.triggers import TriggerRule
from tests.unit.policies.test_decide import FACTS, POLICY, WRITE, caps

ASKED = {**POLICY.triggers, Trigger.GUARDRAIL: TriggerRule()}
USED = Standing(
    Limits(), Amount(tokens=7, cost_nano=1_500_000_000, steps=3, tool_calls=2), Amount(tokens=5, cost_nano=250_000_000)
)
CALL = replace(
    WRITE,
    args={"path": "reports/x.md", "text": "hello", "big": "é" * 5000, "many": [1] * 257, "deep": {"a": ["x"]}},
    args_bytes=42,
    attempt=2,
    visit=3,
    graph="g",
    agent="writer",
    reserve=Amount(tokens=11, cost_nano=500_000_000, tool_calls=1),
)
FULL = Facts(
    "default",
    FACTS.execution,
    USED,
    tenant=replace(USED, used=Amount(tokens=70)),
    lifetime_counts=Counts(elapsed_ms=61_900, age_ms=120_000, depth=2, failures=4, denials=1),
    tenant_counts=Counts(denials=9),
    seen=Seen(
        ("fs.read",), ("tool",), ("read",), labels=("external",), hosts=("a.org",), nodes=("n",), counts={"fs.write": 4}
    ),
    last=Last("tool", "fs.read", "n", "failed"),
)


def ruled(*rules: Guardrail, **changes: Any) -> TenantPolicy:
    return replace(POLICY, guardrails=rules, **changes)


def rule(when: str, then: Action = "deny", message: str = "", **more: Any) -> Guardrail:
    return Guardrail("r", "lifetime", when, then, message, **more)


@pytest.mark.parametrize(
    "when",
    [
        "execution.kind == 'tool' && execution.name == 'fs.write' && execution.node == 'write'",
        "execution.risk == 'medium' && execution.attempt == 2 && execution.visit == 3",
        "execution.tokens_reserved == 11 && execution.cost_reserved == 0.5 && execution.args_bytes == 42",
        "execution.args.path == 'reports/x.md' && execution.args.deep.a[0] == 'x'",
        "size(execution.args) == 5 && has(execution.args.text) && !has(execution.args.big2) && has(execution.args.big)",
        "lifetime.tokens_used == 7 && lifetime.tokens_reserved == 5",
        "lifetime.cost_usd == 1.5 && lifetime.cost_reserved == 0.25",
        "lifetime.steps == 3 && lifetime.tool_calls == 2 && lifetime.depth == 2",
        "lifetime.elapsed_s == 61 && lifetime.age_s == 120 && lifetime.failures == 4 && lifetime.denials == 1",
        "tenant.tokens_used == 70 && tenant.denials == 9 && tenant.tokens_reserved == 5",
        "graph == 'g' && agent == 'writer'",
        "size(seen) == 7 && 'labels' in seen && has(seen.counts)",
        "capability.kind == 'fs.write' && capability.value == 'reports/x.md'",
        "capability.kind == 'tool' && capability.value == 'fs.write'",
        'json(capability) == \'{"kind":"tool","value":"fs.write"}\'',
        "'fs.read' in seen.tools && 'tool' in seen.kinds && 'read' in seen.effects",
        "'external' in seen.labels && 'a.org' in seen.hosts && 'n' in seen.nodes",
        "seen.counts['fs.write'] == 4 && seen.counts['never'] == 0 && seen.counts[execution.name] == 4",
        "seen.counts[execution.node] == 0 && has(seen.counts.other) == false && size(seen.counts) == 2",
        "last.kind == 'tool' && last.name == 'fs.read' && last.node == 'n' && last.status == 'failed'",
        "size(json(last)) > 10 && size(json(seen.labels)) > 10",
    ],
)
def test_a_rule_reads_every_fact_of_the_page(when: str) -> None:
    assert decide(ruled(rule(when)), CALL, FULL).rules == ("guardrail.r",)
    assert decide(ruled(rule(f"!({when})")), CALL, FULL).rules in {("allow",), ("guardrail.r",)}


def test_every_fact_of_the_page_has_its_getter() -> None:
    for name, fields in FIELDS.items():
        if isinstance(fields, dict) and name != "capability":
            assert set(GETTERS[name]) == set(fields)
    assert set(GETTERS["execution"]) >= AFTER


def test_missing_numbers_are_nothing() -> None:
    zero = "lifetime.tokens_used + tenant.tokens_used + tenant.denials + lifetime.failures + seen.counts.x == 0"
    assert decide(ruled(rule(f"{zero} && tenant.cost_usd == 0.0 && agent == ''")), WRITE, FACTS).verdict is Verdict.DENY


def test_the_risk_that_a_rule_reads_is_the_operators() -> None:
    policy = ruled(rule("execution.risk == 'low'"), risk=RiskRules(tools=(("fs.*", Risk.LOW),)))
    assert decide(policy, replace(WRITE, risk=Risk.HIGH), FACTS).rules == ("guardrail.r",)


@pytest.mark.parametrize(
    ("then", "verdict", "trigger"),
    [
        ("ask", Verdict.ASK, Trigger.GUARDRAIL),
        ("deny", Verdict.DENY, None),
        ("reject_execution", Verdict.REJECT, None),
        ("pause_lifetime", Verdict.PAUSE, Trigger.GUARDRAIL),
        ("abort_lifetime", Verdict.ABORT, None),
    ],
)
def test_each_action_is_its_verdict(then: Action, verdict: Verdict, trigger: Trigger | None) -> None:
    policy = ruled(rule("lifetime.tokens_used > 6", then), triggers=ASKED)
    decision = decide(policy, CALL, FULL)
    assert (decision.verdict, decision.rules) == (verdict, ("guardrail.r",))
    assert decision.reasons[0].trigger is trigger
    assert decision.asks == ((Trigger.GUARDRAIL,) if then == "ask" else ())
    assert decide(policy, CALL, FACTS).rules == ("allow",)


def test_a_warning_changes_nothing() -> None:
    decision = decide(ruled(rule("true", "warn", "Careful.")), CALL, FULL)
    assert (decision.verdict, decision.rules) == (Verdict.ALLOW, ("allow",))
    assert [(reason.rule, reason.message) for reason in decision.warnings] == [("guardrail.r", "Careful.")]


def test_where_nobody_can_be_asked_a_rule_that_asks_denies() -> None:
    decision = decide(ruled(rule("true", "ask")), replace(CALL, discharged=frozenset({Trigger.GUARDRAIL})), FULL)
    assert (decision.verdict, decision.rules) == (Verdict.DENY, ("guardrail.r",))
    assert "triggers.on_guardrail" in decision.reasons[0].message


def test_what_a_person_has_approved_passes() -> None:
    policy = ruled(rule("true", "ask"), triggers=ASKED)
    decision = decide(policy, replace(CALL, discharged=frozenset({Trigger.GUARDRAIL})), FULL)
    assert (decision.verdict, decision.rules) == (Verdict.ALLOW, ("guardrail.r",))


@pytest.mark.parametrize("name", ["r", "guardrail.r", "rule_error:r"])
def test_a_rule_that_people_let_pass_does_not_act(name: str) -> None:
    for when in ("true", "execution.args.nothing == 1"):
        for then in ("deny", "pause_lifetime"):
            policy = ruled(rule(when, then))
            assert decide(policy, replace(CALL, latched=frozenset({name})), FULL).rules == ("allow",)
            assert decide(policy, replace(CALL, latched=frozenset({"other"})), FULL).rules != ("allow",)


def test_a_rule_about_capabilities_looks_at_every_need() -> None:
    policy = ruled(rule("'external' in seen.labels && capability.kind == 'fs.write'", message="no ${capability.value}"))
    decision = decide(policy, CALL, FULL)
    assert (decision.rules, decision.reasons[0].message) == (("guardrail.r",), "no reports/x.md")
    only_itself = replace(CALL, needs=caps("tool:fs.write").grants)
    assert decide(policy, only_itself, FULL).rules == ("allow",)


def test_what_holds_for_one_need_holds_whatever_is_wrong_with_another() -> None:
    policy = ruled(rule("capability.kind == 'tool' || execution.args.nothing == 1"))
    for needs in (WRITE.needs, WRITE.needs[::-1]):
        assert decide(policy, replace(CALL, needs=needs), FULL).rules == ("guardrail.r",)
    policy = ruled(rule("capability.kind == 'net' || execution.args.nothing == 1"))
    assert decide(policy, CALL, FULL).rules == ("rule_error:r",)


@pytest.mark.parametrize(
    ("when", "cause"),
    [
        ("execution.args.nothing == 1", "there is no `nothing`"),
        ("execution.args.text > 3", "does not take"),
        ("execution.args.big == 'x'", "the argument `big` is over 8192 bytes"),
        ("execution.args.big.startsWith('x')", "the argument `big` is over 8192 bytes"),
        ("size(execution.args.big) > 1", "the argument `big` is over 8192 bytes"),
        ("size(execution.args.many) > 1", "a list of over 256 items"),
        ("execution.args.many[0] == 1", "a list of over 256 items"),
        ("json(execution.args) == ''", "over 8192 bytes"),
        ("execution.args[execution.name] == 1", "over 8192 bytes"),
        ("'path' in execution.args", "over 8192 bytes"),
        ("lifetime.cost_usd / 0.0 > 1.0", "not finite"),
        ("lifetime.steps / 0 > 1", "divide by zero"),
    ],
)
def test_an_error_of_a_rule_denies_and_says_why(when: str, cause: str) -> None:
    decision = decide(ruled(rule(when, "warn")), CALL, FULL)
    assert (decision.verdict, decision.rules) == (Verdict.DENY, ("rule_error:r",))
    assert cause in decision.reasons[0].message
    assert len(decision.reasons[0].message) <= 300


def test_an_argument_of_just_so_much_is_read() -> None:
    fits = {"text": "x" * 8192, "many": [1] * 256}
    policy = ruled(rule("size(execution.args.text) == 8192 && size(execution.args.many) == 256"))
    assert decide(policy, replace(CALL, args=fits), FULL).rules == ("guardrail.r",)
    for args in ({**fits, "text": "x" * 8193}, {**fits, "many": [1] * 257}, {**fits, "many": [["x" * 8192] * 2]}):
        assert decide(policy, replace(CALL, args=args), FULL).rules == ("rule_error:r",)


def test_a_list_of_what_was_seen_is_not_cut_either() -> None:
    many = replace(FULL, seen=Seen(hosts=tuple(f"h{n}" for n in range(257)), counts={f"t{n}": 1 for n in range(257)}))
    for when in ("'h0' in seen.hosts", "size(seen.hosts) > 1", "seen.counts[execution.name] == 1"):
        assert decide(ruled(rule(when)), CALL, many).rules == ("rule_error:r",)
    assert decide(ruled(rule("seen.counts.t256 == 1")), CALL, many).rules == ("guardrail.r",)
    assert decide(ruled(rule("'external' in seen.labels")), CALL, many).rules == ("allow",)


@pytest.mark.parametrize(
    "args", [None, [1, 2], "text", {"x": object()}, {3: 4}, {"x": float("nan")}, {"\ud800": "\ud800"}]
)
def test_arguments_that_are_no_json_object_are_errors_of_the_rules_that_read_them(args: object) -> None:
    request = replace(CALL, args=args)
    assert decide(ruled(rule("execution.args.x == 1")), request, FULL).rules == ("rule_error:r",)
    assert decide(ruled(rule("execution.args_bytes == 1")), request, FULL).rules == ("allow",)


HOSTILE = [
    {"x": "a" * 10_000_000},
    {"x": ["a" * 1000] * 1_000_000},
    {"x": {str(n): n for n in range(100_000)}},
    {f"k{n}": "v" for n in range(100_000)},
]


@pytest.mark.parametrize(
    "when", ["execution.args.x == 'a'", "json(execution.args) == ''", "size(execution.args.x) > 0"]
)
def test_no_argument_keeps_the_gate_busy(when: str) -> None:
    deep: object = "x"
    for _ in range(100_000):
        deep = [deep]
    loop: list[object] = []
    loop.append(loop)
    policy = ruled(*(replace(rule(when), id=f"r{n}") for n in range(20)))
    for args in (*HOSTILE, {"x": deep}, {"x": loop}):
        begun = time.perf_counter()
        assert decide(policy, replace(CALL, args=args), FULL).verdict is Verdict.DENY
        assert time.perf_counter() - begun < 2


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("", "the rule `r` holds"),
        ("Used ${lifetime.tokens_used} of $${x} in ${execution.name}", "Used 7 of ${x} in fs.write"),
        ("${execution.args.path}", "reports/x.md"),
        ("x" * 300, "x" * 300),
        ("x" * 301, "x" * 299 + "…"),
    ],
)
def test_a_message_is_written_once(message: str, told: str) -> None:
    assert decide(ruled(rule("true", message=message)), CALL, FULL).reasons[0].message == told


def test_what_a_message_shows_is_never_read_again() -> None:
    request = replace(CALL, args={"path": "${lifetime.tokens_used} $${x}"})
    told = decide(ruled(rule("true", message="at ${execution.args.path}")), request, FULL).reasons[0].message
    assert told == "at ${lifetime.tokens_used} $${x}"


@pytest.mark.parametrize(("then", "verdict"), [("warn", Verdict.DENY), ("abort_lifetime", Verdict.ABORT)])
def test_a_message_that_cannot_be_written_is_an_error_of_its_rule(then: Action, verdict: Verdict) -> None:
    decision = decide(ruled(rule("true", then, "at ${execution.args.big}")), CALL, FULL)
    assert (decision.verdict, decision.rules, decision.warnings) == (verdict, ("rule_error:r",), ())


def test_a_rule_that_does_not_compile_is_an_error_of_every_call() -> None:
    for broken in (rule("1 +"), rule("lifetime.tokens_used"), rule("nobody.knows"), rule("true", message="${1 +}")):
        assert decide(ruled(broken), CALL, FULL).rules == ("rule_error:r",)
        assert review(ruled(broken), CALL, FULL, Outcome()).verdict is Verdict.ALLOW


def test_rules_speak_in_the_order_of_their_names() -> None:
    one, two = replace(rule("true"), id="a"), replace(rule("true", "ask"), id="b")
    rules = ("guardrail.a", "guardrail.b")
    assert decide(ruled(one, two), CALL, FULL).rules == decide(ruled(two, one), CALL, FULL).rules == rules


AFTERWARDS = rule("execution.tokens_used > 100", "reject_execution", "used ${execution.tokens_used}")


@pytest.mark.parametrize(
    ("then", "verdict"),
    [
        ("reject_execution", Verdict.REJECT),
        ("pause_lifetime", Verdict.PAUSE),
        ("abort_lifetime", Verdict.ABORT),
        ("warn", Verdict.ALLOW),
    ],
)
def test_what_is_known_after_a_call_is_judged_only_then(then: Action, verdict: Verdict) -> None:
    policy = ruled(replace(AFTERWARDS, then=then))
    assert decide(policy, CALL, FULL).rules == ("allow",)
    found = review(policy, CALL, FULL, Outcome(tokens_used=101))
    said = found.warnings if then == "warn" else found.reasons
    assert (found.verdict, [(reason.rule, reason.message) for reason in said]) == (
        verdict,
        [("guardrail.r", "used 101")],
    )
    assert review(policy, CALL, FULL, Outcome(tokens_used=100)).reasons == ()
    assert (
        review(policy, replace(CALL, latched=frozenset({"guardrail.r"})), FULL, Outcome(tokens_used=101)).reasons == ()
    )


def test_a_review_reads_what_came_of_the_call() -> None:
    when = "execution.cost_usd == 0.25 && execution.latency_ms == 9 && execution.status == 'failed' && graph == 'g'"
    found = review(ruled(rule(when, "abort_lifetime")), CALL, FULL, Outcome(0, 250_000_000, 9, "failed"))
    assert (found.verdict, found.rules) == (Verdict.ABORT, ("guardrail.r",))


def test_what_runs_before_a_call_does_not_run_after_it() -> None:
    assert review(ruled(rule("true", "abort_lifetime")), CALL, FULL, Outcome()).reasons == ()
    assert review(POLICY, CALL, FULL, Outcome()).verdict is Verdict.ALLOW


@pytest.mark.parametrize(
    ("broken", "verdict"),
    [
        (rule("execution.tokens_used >= 0 && execution.args.nothing == 1", "warn"), Verdict.PAUSE),
        (rule("execution.tokens_used >= 0", "abort_lifetime", "${execution.args.nothing}"), Verdict.ABORT),
        (rule("execution.tokens_used >= 0", "deny"), Verdict.PAUSE),
        (rule("execution.tokens_used >= 0", "ask"), Verdict.PAUSE),
    ],
)
def test_an_error_after_a_call_holds_the_run(broken: Guardrail, verdict: Verdict) -> None:
    found = review(ruled(broken, triggers=ASKED), CALL, FULL, Outcome())
    assert (found.verdict, found.rules) == (verdict, ("rule_error:r",))


def test_each_rule_is_explained_with_what_it_saw() -> None:
    silent = replace(rule("lifetime.tokens_used > 1000 && size(execution.args.big) > 1"), id="a")
    policy = ruled(silent, replace(rule("execution.args.text == 'hello'"), id="b"), replace(AFTERWARDS, id="c"))
    rows = [row for row in explain(policy, CALL, FULL) if row.stage == "guardrails"]
    assert [(row.rule, row.verdict) for row in rows] == [
        ("guardrail.a", Verdict.ALLOW),
        ("guardrail.b", Verdict.DENY),
        ("guardrail.c", Verdict.ALLOW),
    ]
    assert rows[0].values["lifetime.tokens_used"] == "7"
    assert "over 8192 bytes" in rows[0].values["execution.args.big"]
    assert rows[1].values == {"when": "execution.args.text == 'hello'", "execution.args.text": "hello"}
    long = replace(CALL, args={"text": "x" * 200})
    assert len(explain(policy, long, FULL)[6].values["execution.args.text"]) == 80


def test_only_what_rules_read_is_looked_at() -> None:
    class Watched(dict[str, object]):
        def __getitem__(self, key: str) -> object:
            raise AssertionError(key)

    request: Request = replace(CALL, args=Watched(path="x"))
    assert decide(ruled(rule("lifetime.tokens_used > 6")), request, FULL).rules == ("guardrail.r",)
