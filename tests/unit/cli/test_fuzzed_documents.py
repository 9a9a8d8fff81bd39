"""Documents made of anything: the offline commands say what is wrong with them and end with a documented code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.command_line import CommandLine

if TYPE_CHECKING:
    from pathlib import Path

GRAPH_WORDS = """
    graph version description input state capabilities budget defaults start nodes output kind tool with writes next
    routes rules when to map fork over as join mode branches model prompt human ask show outcomes deadline on_timeout
    wait for until validate checks schema name end fail plan last reducer timeout retry max_attempts on_failure"""
POLICY_WORDS = """
    policy version tenants default namespaces allow deny protected budgets execution lifetime risk tools triggers
    on_risky_tool ui deadline on_timeout prices tool fs.read fs.write model tokens cost_usd wall_clock low high ask"""
MODEL_WORDS = "models default provider model max_tokens context price script scripted anthropic base_url api_key"
HISTORY_WORDS = "events eventId eventType eventTime workflowExecutionStartedEventAttributes"
COMMANDS = (
    (GRAPH_WORDS, ("graph", "check")),
    (GRAPH_WORDS, ("graph", "show")),
    (POLICY_WORDS, ("policy", "check")),
    (POLICY_WORDS, ("policy", "test")),
    (MODEL_WORDS, ("models", "ls", "--models")),
    (HISTORY_WORDS, ("replay",)),
)


def _documents(words: str) -> st.SearchStrategy[object]:
    text = (
        st.sampled_from(words.split())
        | st.text(max_size=6)
        | st.sampled_from(["${state.a", "1.0.0", "5m", "\x1b[31m", "a/.."])
    )
    leaf = st.none() | st.booleans() | st.integers() | st.floats() | text
    return st.recursive(
        leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=6), max_leaves=25
    )


@pytest.mark.parametrize(("words", "command"), COMMANDS)
def test_only_documented_codes_come_of_any_document(tmp_path: Path, words: str, command: tuple[str, ...]) -> None:
    file = tmp_path / "document"
    cli = CommandLine({"HOME": str(tmp_path), "DETENT_CONFIG": str(tmp_path)}, tmp_path)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(_documents(words) | st.binary(max_size=60))
    def judge(document: object) -> None:
        data = document if isinstance(document, bytes) else json.dumps(document).encode("utf-8", "surrogatepass")
        file.write_bytes(data)
        done = cli(*command, str(file), "--output", "json")
        assert done.returncode in (0, 5, 7), (done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stdout + done.stderr
        assert "\x1b" not in done.stdout + done.stderr
        json.loads(done.stdout)

    judge()
