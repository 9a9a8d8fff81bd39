"""Names that stand in histories: they may never change."""

from __future__ import annotations

import json
from pathlib import Path

from workflows.contracts import names

HISTORIES = Path(__file__).parents[2] / "replay" / "histories"


def test_a_run_is_named_by_its_tenant_graph_and_key() -> None:
    assert names.workflow_id("default", "tidy", "k-1") == "default/tidy/k-1"


def test_a_ledger_has_a_name_of_its_own() -> None:
    assert names.ledger_id("default") == "detent/tenant/default"


def test_recorded_runs_have_the_names_of_today() -> None:
    events = json.loads((HISTORIES / "gate.json").read_text())["events"]
    started = events[0]["workflowExecutionStartedEventAttributes"]
    assert started["workflowType"]["name"] == names.WORKFLOW
