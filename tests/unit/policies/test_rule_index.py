"""The index of rules: what it leaves out could not have held."""

from __future__ import annotations

from dataclasses import replace

import pytest

from policies.cel_parser import parse
from policies.decide import decide
from policies.guardrails import Guardrail
from policies.rule_index import Index, key_of
from tests.unit.policies.test_decide import POLICY
from tests.unit.policies.test_rules import CALL, FULL


@pytest.mark.parametrize(
    ("when", "key"),
    [
        ("execution.name == 'a'", ("execution", "name", "a")),
        ("'a' == last.status", ("last", "status", "a")),
        ("lifetime.steps > 1 && (capability.kind == 'net') && graph == 'g'", ("capability", "kind", "net")),
        ("(execution.risk == 'high' && execution.args.x == 1) && true", ("execution", "risk", "high")),
        ("execution.name != 'a'", None),
        ("!(execution.name == 'a')", None),
        ("execution.name == 'a' || true", None),
        ("execution.name == 'a' == true", None),
        ("execution.name == last.name", None),
        ("execution.name == '\\x61'", None),
        ("execution.visit == 1", None),
        ("execution.args.name == 'a'", None),
        ("capability.value == 'a'", None),
        ("graph == 'g'", None),
        ("true", None),
    ],
)
def test_a_key_is_what_a_condition_cannot_do_without(when: str, key: tuple[str, str, str] | None) -> None:
    assert key_of(parse(when)) == key


def test_only_what_fits_is_found() -> None:
    texts = ("execution.name == 'a'", "execution.name == 'b'", "capability.kind == 'net'", "true")
    index = Index([*((text, parse(text)) for text in texts), ("broken", None)])
    assert index.always == ["true", "broken"]
    assert index.others({"execution": {"name": "a"}}, ["tool"]) == [texts[0]]
    assert index.others({"execution": {"name": "c"}}, ["tool", "net"]) == [texts[2]]


@pytest.mark.parametrize(
    ("when", "rules"),
    [
        ("execution.args.nothing == 1 && execution.name == 'other'", ("allow",)),
        ("execution.args.nothing == 1 && execution.name == 'fs.write'", ("rule_error:r",)),
        ("execution.args.nothing == 1 && capability.kind == 'net'", ("allow",)),
        ("execution.args.nothing == 1 && capability.kind == 'fs.write'", ("rule_error:r",)),
        ("execution.name == 'fs.write' && last.status == 'failed'", ("guardrail.r",)),
    ],
)
def test_what_is_left_out_is_false_and_no_error(when: str, rules: tuple[str, ...]) -> None:
    policy = replace(POLICY, guardrails=(Guardrail("r", "lifetime", when, "deny"),))
    assert decide(policy, CALL, FULL).rules == rules
