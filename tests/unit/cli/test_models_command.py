"""`detent models ls`: what an operator sees of aliases, and that the documented file is one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from cli.main import detent

if TYPE_CHECKING:
    from click.testing import Result

PAGE = (Path(__file__).parents[3] / "docs" / "models.md").read_text(encoding="utf-8")


@pytest.fixture
def documented(tmp_path: Path) -> Path:
    """The models file of the documentation."""
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "models.yaml"
    file.write_text(block, encoding="utf-8")
    return file


def listed(file: Path, *more: str) -> Result:
    environ = {"ANTHROPIC_API_KEY": "x" * 20, "OPENAI_API_KEY": ""}
    return CliRunner().invoke(detent, ["models", "ls", "--models", str(file), *more], env=environ)


def test_the_documented_file_is_one_and_is_shown_with_all_that_it_says(documented: Path) -> None:
    result = listed(documented)
    assert result.exit_code == 0
    rows = {row.split("\t")[0]: row.split("\t")[1:] for row in result.stdout.splitlines()}
    assert rows == {
        "auto": ["router", "", "", "", "simple→small medium→default complex→large", "", ""],
        "default": ["anthropic", "claude-sonnet-4-5", "200k", "3 / 15", "else small, mini", "50 req 40k tok/1m", "ok"],
        "large": ["anthropic", "claude-opus-4-6", "200k", "5 / 25", "else default", "50 req 40k tok/1m", "ok"],
        "local": ["openai", "qwen3", "32.8k", "free", "", "", "none"],
        "mini": ["openai", "gpt-5-mini", "272k", "0.25 / 2", "", "", "unset"],
        "small": ["anthropic", "claude-haiku-4-5", "200k", "1 / 5", "else mini", "50 req 40k tok/1m", "ok"],
    }
    assert "env:OPENAI_API_KEY is not set: `mini` cannot be asked from here" in result.stderr


def test_programs_get_the_cards_with_rates_and_missing_keys(documented: Path) -> None:
    rows = {row["alias"]: row for row in json.loads(listed(documented, "--output", "json").stdout)}
    assert rows["default"]["fallback"] == ["small", "mini"]
    assert rows["default"]["rate"] == {"requests": 50, "tokens": 40000, "per_s": 60.0}
    assert rows["auto"]["routes"]["complex"] == "large"
    assert (rows["mini"]["missing_key"], rows["mini"]["rate"]) == ("env:OPENAI_API_KEY", None)


def test_a_large_context_and_a_model_without_a_price_are_shown_in_short(tmp_path: Path) -> None:
    file = tmp_path / "models.yaml"
    file.write_text("models: {m: {provider: openai, model: gpt-4.1, rate: {tokens: 500, per: 90s}}}", encoding="utf-8")
    assert "\t1.05M\t2 / 8\t\t500 tok/90s\tunset" in listed(file).stdout
    policy = tmp_path / "policy.yaml"
    policy.write_text("policy: p\nversion: 1\nunpriced: allow\nprices: {}\ntenants: {default: {}}\n", encoding="utf-8")
    assert "\t1.05M\tno price\t" in listed(file, "--policy", str(policy)).stdout
