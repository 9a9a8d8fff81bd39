"""A guardrail that could fail whatever the facts are, or never be run, does not load."""

from __future__ import annotations

import pytest

from policies.document import parse_policy
from policies.errors import DocumentError
from policies.guardrail_document import without_sums
from policies.guardrails import ACTIONS, AFTER, FIELDS, Guardrail
from tests.unit.policies.documents import problems_of, small


def rule(**parts: object) -> dict[str, object]:
    return {"id": "r", "when": "lifetime.steps > 9", "then": "deny", **parts}


def loaded(**parts: object) -> Guardrail:
    (found,) = parse_policy(small(guardrails=[rule(**parts)])).house.guardrails
    return found


def refusal(**parts: object) -> tuple[str, str, str]:
    with pytest.raises(DocumentError) as caught:
        parse_policy(small(guardrails=[rule(**parts)]))
    (problem,) = caught.value.problems
    return problem.code, problem.path, str(problem)


def test_a_rule_means_what_it_says() -> None:
    assert loaded() == Guardrail("r", "lifetime", "lifetime.steps > 9", "deny")
    found = loaded(scope="tenant", then="pause_lifetime", message="so ${tenant.cost_usd} it is", repeat=True)
    assert found == Guardrail(
        "r", "tenant", "lifetime.steps > 9", "pause_lifetime", "so ${tenant.cost_usd} it is", repeat=True
    )
    assert [str(path) for path in found.paths] == ["lifetime.steps", "tenant.cost_usd"]


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("scope", ["execution", "lifetime", "tenant"])
def test_every_action_may_be_taken_in_every_scope(scope: str, action: str) -> None:
    found = loaded(scope=scope, then=action)
    assert (found.scope, found.then) == (scope, action)


@pytest.mark.parametrize(
    "when",
    [
        "execution.kind == 'tool' && execution.name.startsWith('fs.')",
        "execution.args.path.contains('..') || execution.args['x'][0].y == 1",
        "has(execution.args.path) && size(execution.args.path) > 100",
        "execution.risk == 'high' && execution.attempt > 2 || execution.visit > 3",
        "execution.tokens_reserved > 5 || execution.cost_reserved > 0.5 || execution.args_bytes > 1000",
        "tenant.cost_usd + tenant.cost_reserved > 90.5",
        "lifetime.elapsed_s > 60 || lifetime.age_s > 600 || lifetime.depth > 3",
        "lifetime.failures > 3 && lifetime.denials == 0",
        "graph == 'review' && agent != ''",
        "'external' in seen.labels && capability.kind == 'net' && capability.value != 'a'",
        "seen.tools[0] == 'fs.read' || size(seen.hosts) > 3 || 'once' in seen.effects",
        "'fs.read' in seen.counts && seen.counts['fs.read'] > 20",
        "last.kind == 'tool' && last.status == 'failed' && last.node == execution.node",
        "10 / lifetime.steps > 3",
        "execution.args.dry_run",
        "seen.counts[last.name] > 3",
    ],
)
def test_what_a_rule_may_read(when: str) -> None:
    assert loaded(when=when).when == when


@pytest.mark.parametrize(
    ("when", "code", "told"),
    [
        ("", "expression", "missing"),
        ("lifetime.steps >", "expression", "a value is missing"),
        ("1 + 2", "expression", "never true or false"),
        ("'yes'", "expression", "never true or false"),
        ("lifetime.steps", "expression", "not true or false"),
        ("execution.kind", "expression", "not true or false"),
        ("seen.tools", "expression", "not true or false"),
        ("lifetime.steps > 3 ? 'a' : 'b'", "expression", "never true or false"),
        ("lifetimes.steps > 3", "expression", "did you mean `lifetime`"),
        ("now() > 3", "expression", "not a function here"),
        ("seen.tools.exists(t, t == 'x')", "expression", "not a function here"),
        ("state.x == 1", "expression", "not known here"),
        ("lifetime.token_used > 3", "unknown_field", "did you mean `tokens_used`"),
        ("lifetime.kind == 'x'", "unknown_field", "has no field `kind`"),
        ("seen.secrets == []", "unknown_field", "known here: `tools`"),
        ("has(lifetime.nothing)", "unknown_field", "has no field `nothing`"),
        ("lifetime == 3", "unknown_field", "may not be read whole"),
        ("lifetime[execution.name] == 3", "unknown_field", "may not be read whole"),
        ("size(execution) == 3", "unknown_field", "may not be read whole"),
        ("execution.kind.name == 'x'", "unknown_field", "nothing below the text"),
        ("graph.name == 'x'", "unknown_field", "nothing below the text"),
        ("lifetime.steps[0] == 3", "unknown_field", "nothing below the number"),
        ("seen.tools.name == 'x'", "unknown_field", "nothing below the list"),
        ("seen.tools[0].name == 'x'", "unknown_field", "nothing below the list"),
        ("seen.counts[0] > 3", "unknown_field", "nothing below the counts"),
        ("seen.counts.a.b > 3", "unknown_field", "nothing below the counts"),
        ("sum(token_used) > 3", "unknown_field", "did you mean `tokens_used`"),
        ("sum(1) > 3", "expression", "`sum()` is not a function here"),
        ("a" * 2049, "too_many", "more than 2,048"),
        (True, "wrong_type", "is not text"),
        ("'", "expression", "is not closed"),
    ],
)
def test_an_expression_that_cannot_hold_is_refused(when: object, code: str, told: str) -> None:
    found, path, message = refusal(when=when)
    assert (found, path) == (code, "guardrails[0].when")
    assert told in message


@pytest.mark.parametrize(
    ("message", "code", "told"),
    [
        ("used ${lifetime.tokens_usd}", "unknown_field", "did you mean `tokens_used`"),
        ("used ${lifetim.tokens_used}", "expression", "did you mean `lifetime`"),
        ("used ${lifetime.tokens_used", "expression", "missing"),
        ("used ${}", "expression", "missing"),
        (5, "wrong_type", "is not text"),
        ("a" * 2049, "too_many", "more than 2,048"),
    ],
)
def test_a_message_that_cannot_be_told_is_refused(message: object, code: str, told: str) -> None:
    found, path, text = refusal(message=message)
    assert (found, path) == (code, "guardrails[0].message")
    assert told in text


def test_a_message_may_hold_what_is_no_expression() -> None:
    assert loaded(message="costs $${a} $5 {b}").words == ("costs ${a} $5 {b}",)


@pytest.mark.parametrize("field", sorted(AFTER))
@pytest.mark.parametrize("action", ACTIONS)
def test_what_is_known_after_a_call_cannot_be_asked_before_it(field: str, action: str) -> None:
    when = "execution.status == 'failed'" if field == "status" else f"execution.{field} > 5"
    if action in {"ask", "deny"}:
        assert problems_of(small(guardrails=[rule(when=when, then=action)])) == [("mix", "guardrails[0]")]
        told = rule(then=action, message=f"saw ${{execution.{field}}}")
        assert problems_of(small(guardrails=[told])) == [("mix", "guardrails[0]")]
    else:
        assert loaded(when=when, then=action).is_after
        assert loaded(then=action, message=f"saw ${{execution.{field}}}").is_after
        assert not loaded(then=action).is_after


def test_every_field_of_the_page_is_known() -> None:
    for name, what in FIELDS.items():
        paths = [name] if isinstance(what, str) else [f"{name}.{field}" for field in what]
        for path in paths:
            assert loaded(when=f"{path} == {path}", then="warn").when


@pytest.mark.parametrize(
    ("part", "path", "code"),
    [
        ({"id": "R 1"}, ".id", "wrong_value"),
        ({"id": ""}, ".id", "wrong_value"),
        ({"id": None}, ".id", "wrong_value"),
        ({"scope": "run"}, ".scope", "wrong_value"),
        ({"then": "abort"}, ".then", "wrong_value"),
        ({"repeat": 1}, ".repeat", "wrong_type"),
        ({"unless": "true"}, ".unless", "unknown_key"),
    ],
)
def test_what_is_wrong_with_a_rule_is_named_with_its_place(part: dict[str, object], path: str, code: str) -> None:
    assert problems_of(small(guardrails=[rule(**part)])) == [(code, f"guardrails[0]{path}")]


@pytest.mark.parametrize("key", ["id", "when", "then"])
def test_a_rule_has_an_id_a_condition_and_an_action(key: str) -> None:
    without = {name: value for name, value in rule().items() if name != key}
    assert problems_of(small(guardrails=[without])) == [("missing", "guardrails[0]")]


def test_no_two_rules_have_one_id() -> None:
    assert problems_of(small(guardrails=[rule(), rule(id="s"), rule()])) == [("duplicate", "guardrails[2].id")]


def test_rules_are_a_list_of_mappings_that_ends() -> None:
    assert problems_of(small(guardrails={"r": "deny"})) == [("wrong_type", "guardrails")]
    assert problems_of(small(guardrails=["deny"])) == [("wrong_type", "guardrails[0]")]
    many = [rule(id=f"r{number}") for number in range(257)]
    assert problems_of(small(guardrails=many)) == [("too_many", "guardrails")]
    assert len(parse_policy(small(guardrails=many[:256])).house.guardrails) == 256


@pytest.mark.parametrize(
    ("text", "modern"),
    [
        ("sum(tokens_used) > 10000", "lifetime.tokens_used > 10000"),
        ("sum( cost_usd )>1 && sum(steps) > 2", "lifetime.cost_usd>1 && lifetime.steps > 2"),
        ("'sum(steps)' == graph", "'sum(steps)' == graph"),
        ("lifetime.sum(steps) > 2", "lifetime.sum(steps) > 2"),
        ("sum (steps) > 2", "lifetime.steps > 2"),
        ("sum(lifetime.steps) > 2", "sum(lifetime.steps) > 2"),
        ("consum(steps) > 2", "consum(steps) > 2"),
        ("steps", "steps"),
        ("", ""),
        ("1 < sum(steps)", "1 < lifetime.steps"),
    ],
)
def test_a_sum_of_older_documents_is_of_the_lifetime(text: str, modern: str) -> None:
    assert without_sums(text) == modern


def test_a_sum_is_kept_in_its_modern_form() -> None:
    assert loaded(when="sum(tokens_used) > 10000") == loaded(when="lifetime.tokens_used > 10000")
