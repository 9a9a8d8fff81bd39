"""`detent policy check` and `schema`: what a person and an editor are told of a policy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from click.testing import CliRunner

from cli.main import detent
from policies.policy_schema import schema
from tests.unit.policies.documents import FULL, changed, small

if TYPE_CHECKING:
    from click.testing import Result


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(detent, arguments)


def _check(tmp_path: Path, document: object) -> Result:
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump(document))
    return _run("policy", "check", str(file))


def test_the_schema_is_the_published_one() -> None:
    result = _run("policy", "schema")
    assert (result.exit_code, json.loads(result.stdout)) == (0, schema())


def test_a_policy_that_says_something_at_every_key_is_fine(tmp_path: Path) -> None:
    result = _check(tmp_path, FULL)
    assert result.exit_code == 0
    assert result.stdout.startswith("ok  example  tenants default, other, third  digest ")
    assert "no budget of money holds a model without a price" in result.stderr


def test_what_is_said_in_vain_is_a_warning_and_changes_no_code(tmp_path: Path) -> None:
    result = _check(tmp_path, small(tenants={"default": {"budgets": {"max_raise": {"cost_usd": 1}}}}))
    assert result.exit_code == 0
    assert "warning: `tenants.default.budgets.max_raise`" in result.stderr


def test_a_mistake_is_shown_with_its_line_and_a_suggestion(tmp_path: Path) -> None:
    result = _check(tmp_path, changed("guardrails/0/when", "lifetime.token_used > 5"))
    assert result.exit_code == 7
    assert "policy.yaml:" in result.stdout
    assert "guardrails[0].when" in result.stdout
    assert "did you mean `tokens_used`?" in result.stdout


TOOL = """
from activities.tools.declare import Effect, Risk, ToolContext, tool

@tool("pay.transfer", effect=Effect.ONCE, risk=Risk.LOW, timeout="1s", requires=[])
async def transfer(context: ToolContext, amount: int) -> int:
    \"\"\"Send money.\"\"\"
    return amount
"""


def test_a_guardrail_is_explained_with_the_arguments_and_for_an_operators_own_tool(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "pay.py").write_text(TOOL)
    rule = {"id": "large", "scope": "execution", "when": "get(execution.args, 'amount', 0) > 5", "then": "deny"}
    document = small(tenants={"default": {"allow": [{"tool": ["**"]}]}}, guardrails=[rule])
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(document))
    given = ("--policy", str(tmp_path / "policy.yaml"), "--tools", str(tmp_path / "tools"))
    large = _run("policy", "explain", "pay.transfer", "--args", '{"amount": 6}', *given)
    assert large.stdout.startswith("pay.transfer: deny\n")
    assert 'execution.args: {"amount":6}' in large.stdout
    small_sum = ("--args", '{"amount": 5}')
    assert _run("policy", "explain", "pay.transfer", *small_sum, *given).stdout.startswith("pay.transfer: allow\n")
    odd = _run("policy", "explain", "pay.transfer", "--args", '{"amont": 5}', *given)
    assert odd.exit_code == 7
    assert "`pay.transfer` does not take these arguments: " in odd.stderr
