"""What aliases say of each other, of their provider's limits, and what is known of models without being told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from activities.models.catalogue import Catalogue, load_catalogue
from activities.models.contexts import UNKNOWN
from activities.models.traffic import BreakerRules, Rate
from policies.errors import DocumentError, Problem

if TYPE_CHECKING:
    from pathlib import Path

HAIKU = "provider: anthropic, model: claude-haiku-4-5"
OPENAI = "provider: openai, model: gpt-4o-mini"
LOCAL = "provider: openai, model: qwen3, base_url: 'http://127.0.0.1:1/v1', price: {input: 0, output: 0}"


def load(directory: Path, models: dict[str, str], beside: dict[str, str] | None = None) -> Catalogue:
    """The catalogue of an operator's file, and of one beside a graph where there is one."""
    files = []
    for name, entries in (("models.yaml", models), ("beside.yaml", beside)):
        if entries is not None:
            (directory / name).write_text(
                "models:\n" + "".join(f"  {key}: {{{entry}}}\n" for key, entry in entries.items())
            )
        files.append(directory / name if entries is not None else None)
    return load_catalogue(files[0], files[1], environ={})


def problems_of(directory: Path, models: dict[str, str], beside: dict[str, str] | None = None) -> tuple[Problem, ...]:
    with pytest.raises(DocumentError) as caught:
        load(directory, models, beside)
    for problem in caught.value.problems:
        assert problem.file
        assert problem.line
        assert problem.suggestion
    return caught.value.problems


def test_card_holds_whom_calls_fall_back_to_and_where_they_are_routed(tmp_path: Path) -> None:
    cards = load(
        tmp_path,
        {
            "default": f"{HAIKU}, fallback: [small, local]",
            "small": OPENAI,
            "local": LOCAL,
            "auto": "provider: router, routes: {simple: local, medium: small, complex: default}",
        },
    ).cards()
    assert cards["default"].fallback == ("small", "local")
    assert cards["auto"].routes == {"simple": "local", "medium": "small", "complex": "default"}
    assert (cards["auto"].provider, cards["auto"].priced) == ("router", True)


def test_digest_covers_routes_and_thinking_and_no_fallback(tmp_path: Path) -> None:
    def digest(entry: str) -> str:
        return load(tmp_path, {"default": entry, "small": HAIKU, "other": HAIKU}).cards()["default"].digest

    assert digest(HAIKU) == digest(f"{HAIKU}, fallback: [small], rate: {{requests: 1, per: 1s}}, cache: false")
    assert digest(HAIKU) != digest(f"{HAIKU}, thinking: 2000")
    routes = "provider: router, routes: {{simple: small, medium: small, complex: {}}}"
    assert digest(routes.format("small")) != digest(routes.format("other"))


@pytest.mark.parametrize(
    ("entry", "code", "words"),
    [
        (f"{HAIKU}, fallback: [smal]", "unknown_model", "did you mean `small`?"),
        (f"{HAIKU}, fallback: [nobody]", "unknown_model", "name one of `default`"),
        (f"{HAIKU}, fallback: [default]", "fallback_circle", "`default` → `default`"),
        (f"{HAIKU}, fallback: [small, small]", "twice", "named twice"),
        (f"{HAIKU}, fallback: small", "wrong_type", "not a list"),
        (f"{HAIKU}, fallback: [1]", "wrong_type", "not text"),
        (f"{HAIKU}, fallback: [a, b, c, d, e, f, g, h, i]", "too_many", "at most 8"),
        (f"{HAIKU}, fallback: [auto]", "router_named", "`auto` is a router"),
        ("provider: router", "missing_key", "`routes` is missing"),
        ("provider: router, routes: [small]", "wrong_type", "not a mapping"),
        ("provider: router, routes: {simple: small, medium: small}", "missing_key", "`complex` is missing"),
        ("provider: router, routes: {simple: small, medium: small, complex: 3}", "missing_key", "`3` is no alias"),
        ("provider: router, routes: {simple: small, medium: small, complex: gone}", "unknown_model", "`gone`"),
        ("provider: router, routes: {simple: small, medium: small, complex: auto}", "router_named", "`auto`"),
        ("provider: router, routes: {simpel: small}", "unknown_key", "did you mean `simple`?"),
        ("provider: router, model: x, routes: {}", "unknown_key", "`model`"),
        (f"{HAIKU}, thinking: 100", "wrong_value", "1024"),
        (f"{HAIKU}, thinking: 5000", "wrong_value", "where `max_tokens` is 4096"),
        (f"{HAIKU}, thinking: much", "wrong_value", "`adaptive`"),
        (f"{HAIKU}, thinking: true", "wrong_value", "`adaptive`"),
        (f"{HAIKU}, cache: 0", "wrong_type", "write `cache: false`"),
        (f"{OPENAI}, thinking: 2000", "unknown_key", "`thinking`"),
        (f"{HAIKU}, rate: fast", "wrong_type", "not a mapping"),
        (f"{HAIKU}, rate: {{per: 1m}}", "missing_key", "neither `requests` nor `tokens`"),
        (f"{HAIKU}, rate: {{requests: 5}}", "missing_key", "`per` is missing"),
        (f"{HAIKU}, rate: {{requests: 0, per: 1m}}", "wrong_value", "`0` is not a count"),
        (f"{HAIKU}, rate: {{tokens: 1.5, per: 1m}}", "wrong_value", "`1.5` is not a count"),
        (f"{HAIKU}, rate: {{requests: 5, per: soon}}", "wrong_value", "write `per: 1m`"),
        (f"{HAIKU}, rate: {{requests: 5, per: 1ms}}", "wrong_value", "too short or too long"),
        (f"{HAIKU}, rate: {{requests: 5, every: 1m}}", "unknown_key", "`every`"),
        (f"{HAIKU}, breaker: true", "wrong_type", "not a mapping"),
        (f"{HAIKU}, breaker: {{failures: 0}}", "wrong_value", "`0` is not a count"),
        (f"{HAIKU}, breaker: {{cool_down: 2h}}", "wrong_value", "`1s` to `3600s`"),
    ],
)
def test_mistake_is_told_with_place_and_remedy(tmp_path: Path, entry: str, code: str, words: str) -> None:
    routes = "provider: router, routes: {simple: small, medium: small, complex: small}"
    problems = problems_of(tmp_path, {"default": entry, "small": HAIKU, "auto": routes})
    assert code in {problem.code for problem in problems}
    assert all(problem.path.startswith("models.default") for problem in problems)
    assert words in "\n".join(map(str, problems))


def test_circle_of_fallbacks_is_told_once_with_its_way(tmp_path: Path) -> None:
    (problem,) = problems_of(
        tmp_path,
        {
            "a": f"{HAIKU}, fallback: [b]",
            "b": f"{HAIKU}, fallback: [d, c]",
            "c": f"{HAIKU}, fallback: [b]",
            "d": HAIKU,
        },
    )
    assert (problem.code, problem.path) == ("fallback_circle", "models.c.fallback")
    assert "`b` → `c` → `b`" in problem.message


def test_two_ways_to_one_fallback_are_no_circle(tmp_path: Path) -> None:
    entries = {"a": f"{HAIKU}, fallback: [b, c]", "b": f"{HAIKU}, fallback: [c]", "c": HAIKU}
    assert load(tmp_path, entries).cards()["a"].fallback == ("b", "c")


def test_file_beside_a_graph_may_name_the_operators_aliases_and_not_the_other_way(tmp_path: Path) -> None:
    (tmp_path / "replies.yaml").write_text("replies: [{default: true, text: x}]")
    script = "provider: scripted, script: replies.yaml"
    cards = load(tmp_path, {"default": HAIKU}, {"mine": f"{script}, fallback: [default]"}).cards()
    assert cards["mine"].fallback == ("default",)
    (problem,) = problems_of(tmp_path, {"default": f"{HAIKU}, fallback: [mine]"}, {"mine": script})
    assert problem.code == "unknown_model"


@pytest.mark.parametrize(
    ("model", "context"),
    [
        ("claude-sonnet-4-5", 200_000),
        ("claude-sonnet-4-5-20250929", 200_000),
        ("gpt-4o-mini", 128_000),
        ("gpt-4o-mini-2024-07-18", 128_000),
        ("gpt-4.1", 1_047_576),
    ],
)
def test_context_of_a_known_model_need_not_be_written(tmp_path: Path, model: str, context: int) -> None:
    provider = "openai" if model.startswith("gpt") else "anthropic"
    catalogue = load(tmp_path, {"default": f"provider: {provider}, model: {model}"})
    assert (catalogue.cards()["default"].context, catalogue.warnings) == (context, ())


def test_context_that_nobody_knows_is_taken_with_a_warning(tmp_path: Path) -> None:
    catalogue = load(tmp_path, {"local": LOCAL, "told": f"{LOCAL}, context: 8000"})
    assert [card.context for card in catalogue.cards().values()] == [UNKNOWN, 8000]
    assert catalogue.warnings == (
        "model `local`: the context of `qwen3` is not known, 200,000 tokens are taken: write `context: ...`",
    )


def test_first_dated_model_is_not_given_the_price_of_its_cheaper_namesake(tmp_path: Path) -> None:
    entries = {"old": "provider: openai, model: gpt-4o-2024-05-13", "new": "provider: openai, model: gpt-4o-2024-11-20"}
    cards = load(tmp_path, entries).cards()
    assert (cards["old"].price.input, cards["new"].price.input) == (5000, 2500)


@pytest.mark.parametrize("url", ["https://proxy.example/v1", "https://api.openai.com:8443/v1", "http://127.0.0.1:1/v1"])
def test_openai_key_goes_only_to_its_own_host(tmp_path: Path, url: str) -> None:
    entry = f"{OPENAI}, base_url: '{url}', api_key: env:OPENAI_API_KEY"
    (problem,) = problems_of(tmp_path, {"default": entry})
    assert (problem.code, problem.path) == ("model_key", "models.default.api_key")


def test_openai_without_a_key_is_reached_at_home_with_its_own_and_on_loopback_with_none(tmp_path: Path) -> None:
    catalogue = load(tmp_path, {"home": OPENAI, "local": LOCAL})
    assert catalogue.key_references() == {"home": "env:OPENAI_API_KEY"}
    (problem,) = problems_of(tmp_path, {"far": f"{OPENAI}, base_url: 'https://far.example/v1'"})
    assert "no `api_key` for the host `far.example`" in problem.message
    far = load(tmp_path, {"far": f"{OPENAI}, base_url: 'https://far.example/v1', api_key: env:FAR_KEY"})
    assert [str(need) for need in far.needs()["far"]] == ["env:FAR_KEY@far.example"]


@pytest.mark.parametrize(
    "entry", [OPENAI, f"{OPENAI}, base_url: 'https://h/v1', api_key: env:X", f"{LOCAL}, api_key: env:X"]
)
def test_file_beside_a_graph_reaches_no_openai_but_a_keyless_one_on_loopback(tmp_path: Path, entry: str) -> None:
    problems = problems_of(tmp_path, {"default": HAIKU}, {"mine": entry})
    assert "untrusted_models" in {problem.code for problem in problems}
    assert load(tmp_path, {"default": HAIKU}, {"mine": LOCAL}).cards()["mine"].model == "qwen3"


def test_aliases_of_one_provider_and_key_share_their_rate_and_breaker(tmp_path: Path) -> None:
    catalogue = load(
        tmp_path,
        {
            "default": f"{HAIKU}, rate: {{requests: 50, tokens: 40000, per: 1m}}",
            "large": "provider: anthropic, model: claude-opus-4-6, breaker: {failures: 2, cool_down: 10s}",
            "openai": OPENAI,
        },
    )
    lanes = {alias: entry.lane for alias in catalogue.cards() if (entry := catalogue.get(alias))}
    assert lanes["default"] is lanes["large"]
    assert lanes["default"] is not lanes["openai"]
    assert catalogue.rates() == dict.fromkeys(("default", "large"), Rate(50, 40000, 60.0))
    found = [lane.breaking for lane in (lanes["default"], lanes["openai"]) if lane]
    assert found == [BreakerRules(2, 10.0), BreakerRules(5, 60.0)]


@pytest.mark.parametrize("key", ["rate: {requests: 2, per: 1m}", "breaker: {failures: 2}"])
def test_two_limits_of_one_provider_are_refused(tmp_path: Path, key: str) -> None:
    other = key.replace("2", "3")
    (problem,) = problems_of(tmp_path, {"default": f"{HAIKU}, {key}", "large": f"{HAIKU}, {other}"})
    assert (problem.code, problem.path) == ("two_limits", f"models.large.{key.partition(':')[0]}")
    assert load(tmp_path, {"default": f"{HAIKU}, {key}", "large": f"{HAIKU}, {key}"}).cards()


def test_breaker_can_be_left_out_and_a_script_has_limits_only_where_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "replies.yaml").write_text("replies: [{default: true, text: x}]")
    (tmp_path / "more.yaml").write_text("replies: [{default: true, text: x}]")
    script = "provider: scripted, price: {input: 0, output: 0}, script:"
    catalogue = load(
        tmp_path,
        {
            "never": f"{HAIKU}, breaker: false",
            "script": f"{script} replies.yaml",
            "paced": f"{script} more.yaml, rate: {{requests: 1, per: 1s}}",
        },
    )
    entries = {alias: catalogue.get(alias) for alias in catalogue.cards()}
    lanes = {alias: entry.lane for alias, entry in entries.items() if entry}
    assert lanes["script"] is None
    assert lanes["never"] is not None
    assert lanes["paced"] is not None
    assert (lanes["never"].breaker, lanes["paced"].breaker) == (None, None)


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (Rate(50, 40_000, 60.0), "50 requests, 40,000 tokens per 1m"),
        (Rate(None, 10, 90.0), "10 tokens per 90s"),
        (Rate(2, None, 3600.0), "2 requests per 1h"),
        (Rate(2, None, 1.5), "2 requests per 1.5s"),
    ],
)
def test_rate_is_shown_as_people_write_it(rate: Rate, words: str) -> None:
    assert str(rate) == words
