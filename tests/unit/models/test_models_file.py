"""Models and replies files: what loads, what is refused, and what people are told."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.models.catalogue import Catalogue, load_catalogue
from activities.models.models_file import read_models
from activities.models.replies import read_replies
from policies.errors import DocumentError, Problem
from policies.prices import Price
from policies.reading import Reader
from workflows.contracts.run import PriceCard

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
SECRET = "sk-ant-api03-not-for-your-eyes"


def load(directory: Path, entry: str, *, trusted: bool = True) -> Catalogue:
    file = directory / "models.yaml"
    file.write_text(f"models:\n  default: {entry}\n")
    return load_catalogue(file if trusted else None, None if trusted else file, environ={})


def problems_of(directory: Path, entry: str, *, trusted: bool = True) -> tuple[Problem, ...]:
    with pytest.raises(DocumentError) as caught:
        load(directory, entry, trusted=trusted)
    for problem in caught.value.problems:
        assert problem.file
        assert problem.line
        assert problem.path
        assert problem.suggestion
    return caught.value.problems


def test_no_file_gives_two_models_of_anthropic() -> None:
    catalogue = load_catalogue(None, None, environ={})
    models = {alias: (card.provider, card.model) for alias, card in catalogue.cards().items()}
    assert models == {"default": ("anthropic", "claude-sonnet-4-6"), "small": ("anthropic", "claude-haiku-4-5")}
    assert catalogue.missing_keys({}) == dict.fromkeys(models, "env:ANTHROPIC_API_KEY")
    assert catalogue.missing_keys({"ANTHROPIC_API_KEY": "x"}) == {}
    assert catalogue.warnings == ()


def test_entry_becomes_a_card_in_whole_nano_dollars(tmp_path: Path) -> None:
    price = "price: {input: 3, output: 15, cache_read: 0.3, cache_write: 3.75}"
    entry = f"{{provider: anthropic, model: some-model, max_tokens: 100, context: 1000, timeout: 90s, {price}}}"
    card = load(tmp_path, entry).cards()["default"]
    assert (card.max_tokens, card.context, card.timeout_s) == (100, 1000, 90.0)
    assert (card.price.input, card.price.output, card.price.cache_read, card.price.cache_write) == (
        3000,
        15000,
        300,
        3750,
    )


def test_cache_rates_left_out_are_never_free(tmp_path: Path) -> None:
    price = (
        load(tmp_path, "{provider: anthropic, model: m, price: {input: 0.0301, output: 1}}").cards()["default"].price
    )
    assert (price.input, price.cache_read, price.cache_write) == (31, 31, 62)


def test_price_comes_from_the_entry_then_the_policy(tmp_path: Path) -> None:
    file = tmp_path / "models.yaml"
    file.write_text(
        "models: {a: {provider: anthropic, model: m}, b: {provider: anthropic, model: m, price: {input: 1, output: 1}}}"
    )
    catalogue = load_catalogue(file, None, environ={}, price_of=lambda _: Price(7, 8, 9, 10))
    assert {alias: card.price.input for alias, card in catalogue.cards().items()} == {"a": 7, "b": 1000}


def test_without_a_price_a_model_is_called_only_where_the_policy_lets_it(tmp_path: Path) -> None:
    file = tmp_path / "models.yaml"
    file.write_text("models: {local: {provider: anthropic, model: nobodys, context: 9000}}")
    with pytest.raises(DocumentError, match="no price is known"):
        load_catalogue(file, None, environ={})
    catalogue = load_catalogue(file, None, environ={}, unpriced=True)
    card = catalogue.cards()["local"]
    assert (card.priced, card.price) == (False, PriceCard())
    assert catalogue.warnings == (
        "model `local` has no price (`unpriced: allow`): its cost counts as 0, and no budget of money holds it",
    )
    file.write_text(
        "models: {local: {provider: anthropic, model: nobodys, context: 9000, price: {input: 0, output: 0}}}"
    )
    free = load_catalogue(file, None, environ={}, unpriced=True)
    assert (free.cards()["local"].priced, free.warnings) == (True, ())
    assert free.cards()["local"].digest != card.digest


def test_the_built_in_models_may_lack_a_price_too(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="no price is known"):
        load_catalogue(None, None, environ={}, price_of=lambda _: None)
    catalogue = load_catalogue(None, None, environ={}, price_of=lambda _: None, unpriced=True)
    assert [card.priced for card in catalogue.cards().values()] == [False, False]
    assert len(catalogue.warnings) == 2


def test_digest_changes_with_what_a_decision_rests_on(tmp_path: Path) -> None:
    entries = [
        "{provider: anthropic, model: claude-haiku-4-5}",
        "{provider: anthropic, model: claude-sonnet-4-5}",
        "{provider: anthropic, model: claude-haiku-4-5, price: {input: 9, output: 9}}",
        "{provider: anthropic, model: claude-haiku-4-5, base_url: 'https://h', api_key: env:K}",
    ]
    digests = {load(tmp_path, entry).cards()["default"].digest for entry in entries}
    assert len(digests) == len(entries)
    assert load(tmp_path, entries[0][:-1] + ", api_key: env:OTHER}").cards()["default"].digest in digests


@pytest.mark.parametrize(
    ("entry", "code", "words"),
    [
        ("{provider: anthropic, model: claude-haiku-4-5, routing: {}}", "unknown_key", "`routing`"),
        ("{provider: anthropic, model: claude-haiku-4-5, api_key: 'keyring:K'}", "not_yet", "keyring"),
        ("{provider: antropic, model: x}", "wrong_value", "did you mean `anthropic`?"),
        ("{provider: anthropic, model: x, modle: y}", "unknown_key", "`modle`"),
        ("{provider: anthropic}", "missing_key", "`model`"),
        ("{provider: anthropic, model: unheard-of}", "no_price", "unheard-of"),
        ("{provider: anthropic, model: x, price: {input: 1}}", "missing_key", "`output`"),
        ("{provider: anthropic, model: x, price: {input: -1, output: 1}}", "wrong_value", "`-1`"),
        ("{provider: anthropic, model: x, price: {input: much, output: 1}}", "wrong_value", "US dollars"),
        ("{provider: anthropic, model: claude-haiku-4-5, max_tokens: 1.5}", "wrong_value", "`1.5`"),
        ("{provider: anthropic, model: claude-haiku-4-5, max_tokens: true}", "wrong_value", "`true`"),
        ("{provider: anthropic, model: claude-haiku-4-5, timeout: 99h}", "wrong_value", "3600"),
        ("{provider: anthropic, model: x, base_url: 'ftp://h'}", "wrong_value", "https://"),
        ("{provider: anthropic, model: x, base_url: 'http://h'}", "wrong_value", "not encrypted"),
        ("{provider: anthropic, model: x, base_url: 'https://h:x'}", "wrong_value", "not a URL"),
        ("{provider: anthropic, model: x, base_url: 'https://h'}", "model_key", "no `api_key` for the host `h`"),
        ("{provider: scripted}", "missing_key", "`script`"),
        ("{provider: scripted, script: gone.yaml}", "no_file", "is not a file"),
        ("{provider: scripted, script: gone.yaml, journal: no/such/dir}", "no_directory", "is not a directory"),
        ("{provider: scripted, script: gone.yaml, base_url: 'http://127.0.0.1'}", "unknown_key", "`base_url`"),
        ("scripted", "wrong_type", "not a mapping"),
    ],
)
def test_mistake_is_told_with_place_and_remedy(tmp_path: Path, entry: str, code: str, words: str) -> None:
    problems = problems_of(tmp_path, entry)
    assert code in {problem.code for problem in problems}
    assert words in "\n".join(map(str, problems))


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    found = problems_of(tmp_path, "{provider: anthropic, max_tokens: 0, timeout: soon, fallback: x}")
    assert {problem.path.rpartition(".")[2] for problem in found} >= {"model", "max_tokens", "timeout", "fallback"}


@pytest.mark.parametrize("entry", [f"{{api_key: {SECRET}}}", f"{{api_key: env:A, base_url: 'https://u:{SECRET}@h'}}"])
def test_key_written_into_the_file_is_never_shown(tmp_path: Path, entry: str) -> None:
    found = problems_of(tmp_path, "{provider: anthropic, model: claude-haiku-4-5, " + entry[1:])
    assert SECRET not in "\n".join(map(str, found))


@pytest.mark.parametrize(
    "url",
    [
        "https://proxy.example",
        "https://api.anthropic.com.example",
        "https://api.anthropic.com:8443",
        "http://127.0.0.1:8080",
        "http://[::1]:1",
    ],
)
def test_conventional_key_goes_only_to_its_own_host(tmp_path: Path, url: str) -> None:
    entry = f"{{provider: anthropic, model: claude-haiku-4-5, base_url: '{url}', api_key: env:ANTHROPIC_API_KEY}}"
    (problem,) = problems_of(tmp_path, entry)
    assert (problem.code, problem.path) == ("model_key", "models.default.api_key")


@pytest.mark.parametrize("url", ["https://api.anthropic.com", "https://API.anthropic.com:443/"])
def test_own_host_gets_the_conventional_key_by_itself(tmp_path: Path, url: str) -> None:
    catalogue = load(tmp_path, f"{{provider: anthropic, model: claude-haiku-4-5, base_url: '{url}'}}")
    assert catalogue.key_references() == {"default": "env:ANTHROPIC_API_KEY"}


@pytest.mark.parametrize(
    "entry",
    [
        "{provider: anthropic, model: claude-haiku-4-5}",
        "{provider: anthropic, model: claude-haiku-4-5, base_url: 'https://h', api_key: env:AWS_SECRET}",
        "{provider: anthropic, model: claude-haiku-4-5, base_url: 'http://127.0.0.1:1', api_key: env:AWS_SECRET}",
        "{provider: anthropic, model: claude-haiku-4-5, base_url: 'https://h'}",
        "{provider: scripted, script: replies.yaml, journal: out}",
        "{provider: scripted, script: ../outside.yaml}",
        "{provider: scripted, script: link.yaml}",
    ],
)
def test_file_beside_a_graph_gets_no_key_and_reaches_nothing(tmp_path: Path, entry: str) -> None:
    graph = tmp_path / "graph"
    graph.mkdir()
    (tmp_path / "outside.yaml").write_text("replies: [{default: true, text: x}]")
    (graph / "replies.yaml").write_text("replies: [{default: true, text: x}]")
    (graph / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    assert "untrusted_models" in {problem.code for problem in problems_of(graph, entry, trusted=False)}
    if "h'}" not in entry:
        load(graph, entry)  # the operator may


def test_file_beside_a_graph_may_name_scripts_and_loopback(tmp_path: Path) -> None:
    (tmp_path / "replies.yaml").write_text("replies: [{default: true, text: x}]")
    assert load(tmp_path, "{provider: scripted, script: replies.yaml}", trusted=False).cards()
    entry = "{provider: anthropic, model: m, base_url: 'http://localhost:1', price: {input: 0, output: 0}}"
    assert load(tmp_path, entry, trusted=False).key_references() == {}


def test_operators_alias_stands_over_one_beside_a_graph(tmp_path: Path) -> None:
    (tmp_path / "replies.yaml").write_text("replies: [{default: true, text: x}]")
    mine, theirs = tmp_path / "mine.yaml", tmp_path / "theirs.yaml"
    mine.write_text("models: {default: {provider: anthropic, model: claude-haiku-4-5}}")
    entry = "{provider: scripted, script: replies.yaml}"
    theirs.write_text(f"models: {{default: {entry}, script: {entry}}}")
    catalogue = load_catalogue(mine, theirs, environ={})
    assert {alias: card.provider for alias, card in catalogue.cards().items()} == {
        "default": "anthropic",
        "script": "scripted",
    }
    assert any("`default` is the operator's already" in warning for warning in catalogue.warnings)


def test_script_without_a_price_says_that_it_is_free(tmp_path: Path) -> None:
    (tmp_path / "replies.yaml").write_text("replies: [{default: true, text: x}]")
    catalogue = load(tmp_path, "{provider: scripted, script: replies.yaml}")
    assert catalogue.warnings == ("model `default` has no price: its calls count as free",)


@pytest.mark.parametrize(
    "text", ["", "[]", "models: []", "models: {}", "model: {}", "models: {'A b': {}}", "a: b: c", "\xff"]
)
def test_file_that_names_no_models_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "models.yaml"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(DocumentError):
        load_catalogue(file, None, environ={})


def test_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot be read"):
        load_catalogue(tmp_path, None, environ={})


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("{text: x}", "reply_match"),
        ("{default: true, when: 'turn == 0', text: x}", "reply_match"),
        ("{default: 1, text: x}", "wrong_value"),
        ("{default: true}", "empty_reply"),
        ("{}", "empty_reply"),
        ("{when: '1 + 1', text: x}", "expression"),
        ("{when: 'clock > 1', text: x}", "expression"),
        ("{when: 3, text: x}", "expression"),
        ("{default: true, text: 3}", "wrong_type"),
        ("{default: true, text: x, times: 0}", "wrong_value"),
        ("{default: true, text: x, delay: soon}", "wrong_value"),
        ("{default: true, text: x, usage: {input_tokens: -1}}", "wrong_value"),
        ("{default: true, text: x, usage: {tokens: 1}}", "unknown_key"),
        ("{default: true, error: {status: 200}}", "wrong_value"),
        ("{default: true, error: {status: 529, retry_after: 1}}", "wrong_value"),
        ("{default: true, error: 529}", "wrong_type"),
        ("{default: true, error: {status: 529}, text: x}", "reply_match"),
        ("{default: true, tool_calls: {name: fs.read}}", "wrong_type"),
        ("{default: true, tool_calls: [{name: fs.read, args: [a]}]}", "wrong_type"),
        ("{default: true, tool_calls: [{name: fs.read}], error: {status: 400}}", "reply_match"),
        ("{default: true, tool_calls: [{args: []}]}", "missing_key"),
        ("3", "wrong_type"),
    ],
)
def test_mistake_in_a_reply_is_told_with_place_and_remedy(tmp_path: Path, reply: str, code: str) -> None:
    (tmp_path / "replies.yaml").write_text(f"replies:\n  - {reply}\n")
    found = problems_of(tmp_path, "{provider: scripted, script: replies.yaml}")
    assert code in {problem.code for problem in found}
    assert all(str(problem.file).endswith("replies.yaml") for problem in found)


@given(data=JSON | st.dictionaries(st.just("models"), st.dictionaries(st.text(max_size=5), JSON, max_size=3)))
def test_any_data_gives_entries_or_problems_and_nothing_else(data: object) -> None:
    reader = Reader()
    assert read_models(data, reader, trusted=False) or reader.problems


FIELDS = st.sampled_from(["when", "default", "text", "tool_calls", "output", "usage", "delay", "error", "times"])


@given(data=JSON | st.fixed_dictionaries({"replies": st.lists(st.dictionaries(FIELDS, JSON, max_size=4), max_size=3)}))
def test_any_data_gives_replies_or_problems_and_nothing_else(data: object) -> None:
    reader = Reader()
    assert read_replies(data, reader) or reader.problems


@given(text=st.binary(max_size=60) | st.text("models: {}[]-&*!|>'\"\n ascriptedp:", max_size=80).map(str.encode))
def test_any_file_gives_a_catalogue_or_problems_and_nothing_else(text: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "models.yaml")
        file.write_bytes(text)
        with pytest.raises(DocumentError):
            load_catalogue(file, None, environ={})


def test_sdk_is_not_imported_before_a_call_needs_it() -> None:
    program = (
        "import sys; from activities.models.catalogue import load_catalogue; load_catalogue(None, None, environ={}); "
        "import activities.models.call; print('anthropic' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    assert found.stdout.strip() == "False"


def test_scripts_and_journals_are_known_so_that_no_tool_may_write_them(tmp_path: Path) -> None:
    (tmp_path / "replies.yaml").write_text("replies: [{default: true, text: hi}]\n")
    models = tmp_path / "models.yaml"
    models.write_text("models: {m: {provider: scripted, script: replies.yaml, journal: j.jsonl}}\n")
    found = load_catalogue(models, None, environ={})
    assert found.files == (tmp_path / "replies.yaml", tmp_path / "j.jsonl")
