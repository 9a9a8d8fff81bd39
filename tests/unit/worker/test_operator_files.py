"""The operator's files: what is read where, and where a mistake is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from policies.errors import DocumentError, Problem
from policies.prices import Price
from worker.operator_files import load_policy, price_files

POLICY = "policy: p\nversion: 1\ntenants: {default: {}}\nprices: prices/list.yaml\n"


def written(tmp_path: Path, prices: str | None, policy: str = POLICY) -> Path:
    (tmp_path / "prices").mkdir()
    if prices is not None:
        (tmp_path / "prices" / "list.yaml").write_text(prices)
    file = tmp_path / "policy.yaml"
    file.write_text(policy)
    return file


def problems_of(file: Path) -> tuple[Problem, ...]:
    with pytest.raises(DocumentError) as caught:
        load_policy(file)
    return caught.value.problems


def test_prices_lie_beside_the_policy(tmp_path: Path) -> None:
    file = written(tmp_path, "qwen3: {input: 1, output: 2}\n")
    policy = load_policy(file)
    assert policy.price("qwen3") == Price(1_000, 2_000, 1_000, 1_000)
    assert policy.price("claude-sonnet-4-5") is None
    assert price_files(file, policy) == (tmp_path / "prices" / "list.yaml",)


def test_the_digest_covers_what_the_file_of_prices_says(tmp_path: Path) -> None:
    file = written(tmp_path, "qwen3: {input: 1, output: 2}\n")
    before = load_policy(file).digest
    (tmp_path / "prices" / "list.yaml").write_text("qwen3: {input: 1, output: 3}\n")
    assert load_policy(file).digest != before


def test_without_a_file_there_is_no_file_of_prices(tmp_path: Path) -> None:
    assert price_files(None, load_policy(None)) == ()
    file = written(tmp_path, None, POLICY.replace("prices/list.yaml", "builtin"))
    assert price_files(file, load_policy(file)) == ()


def test_a_mistake_is_told_in_the_file_that_has_it(tmp_path: Path) -> None:
    file = written(tmp_path, "qwen3: {input: 1, output: free}\n", POLICY + "unpriced: maybe\n")
    place, other = problems_of(file)
    assert (place.path, place.file, place.line) == ("unpriced", str(file), 5)
    assert (other.path, other.line) == ("qwen3.output", 1)
    assert other.file == str(tmp_path / "prices" / "list.yaml")


def test_a_file_of_prices_that_is_not_there_is_told(tmp_path: Path) -> None:
    (problem,) = problems_of(written(tmp_path, None))
    assert (problem.code, problem.file) == ("unreadable", str(tmp_path / "prices" / "list.yaml"))


def test_a_policy_in_json_is_read_alike(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(json.dumps({"policy": "p", "version": 1, "tenants": {"default": {}}}))
    assert load_policy(file).name == "p"
