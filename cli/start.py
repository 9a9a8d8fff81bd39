"""Starting a run, or finding the one that the same key started before."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import ValidationError
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from cli.exits import invalid, usage
from cli.payload import check_size
from cli.runs import find
from cli.voice import Voice
from policies.canonical import canonical, digest
from workflows.contracts.names import SA_GRAPH, SA_PENDING, SA_PHASE, SA_TENANT, WORKFLOW, workflow_id
from workflows.contracts.run import RunInput
from workflows.language.schema import validate_value

if TYPE_CHECKING:
    from cli.cluster import Cluster

NOBODY = Voice()
DEFAULT_TENANT = "default"
KEY_BYTES = 4
TASK_TIMEOUT = timedelta(seconds=5)
"""A worker that is killed while it holds a workflow task is missed only after this long; the server's own is 10 s.
Ours end in milliseconds, and the deadlock detector of the SDK gives one up after 2 s."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a run is started with. `key` null is a random one, so that nothing is found in its place."""

    graph: dict[str, object]
    input: object
    tenant: str | None
    key: str | None
    allow_gaps: bool = False
    voice: Voice = NOBODY

    @property
    def name(self) -> str:
        """The graph's name."""
        return str(self.graph.get("graph"))

    def run_input(self, namespace: str, run: str) -> RunInput:
        """The workflow's argument, signed for this run where there is a key to sign it with."""
        starter = self.voice.starter(
            namespace=namespace,
            workflow_id=run,
            graph_digest=digest(self.graph),
            input_digest=digest(self.input),
            allow_gaps=self.allow_gaps,
        )
        return RunInput(
            graph=self.graph, input=self.input, tenant=self.tenant, allow_gaps=self.allow_gaps, starter=starter
        )


@dataclass(frozen=True, slots=True)
class Started:
    """The run's id, and whether it was there before."""

    id: str
    existed: bool


def check_input(graph: dict[str, object], value: object) -> None:
    """Refuse an input that is too large or does not fit the graph's schema (exit 7)."""
    check_size(len(canonical(value)), "the input")
    schema = graph.get("input")
    problems = validate_value(schema, value) if isinstance(schema, dict) else []
    if problems:
        message = f"the input does not fit graph `{graph.get('graph')}`: {'; '.join(problems)}"
        raise invalid(f"{message}; give it with `--input` or `--set`", kind="InvalidInput")


async def start(cluster: Cluster, what: Start) -> Started:
    """Start the run. If its key was used: the same graph and input are the same run, anything else is exit 2."""
    run = workflow_id(what.tenant or DEFAULT_TENANT, what.name, what.key or secrets.token_hex(KEY_BYTES))
    try:
        await cluster.client.start_workflow(
            WORKFLOW,
            what.run_input(cluster.client.namespace, run).model_dump(mode="json", exclude_none=True),
            id=run,
            task_queue=cluster.task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            task_timeout=TASK_TIMEOUT,
            static_summary=f"{what.name}@{what.graph.get('version', '')}",
            search_attributes=_attributes(what),
        )
    except WorkflowAlreadyStartedError as error:
        await _require_same(cluster, run, what, error)
        return Started(run, existed=True)
    return Started(run, existed=False)


def _attributes(what: Start) -> TypedSearchAttributes:
    """Told at the start, so that the run can be found at once and its workflow need not tell them."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(SearchAttributeKey.for_keyword(SA_GRAPH), what.name),
            SearchAttributePair(SearchAttributeKey.for_keyword(SA_PHASE), "running"),
            SearchAttributePair(SearchAttributeKey.for_keyword(SA_TENANT), what.tenant or DEFAULT_TENANT),
            SearchAttributePair(SearchAttributeKey.for_int(SA_PENDING), 0),
        ]
    )


async def _require_same(cluster: Cluster, run: str, what: Start, error: Exception) -> None:
    recorded = await _recorded_start(cluster, run)
    if recorded is None:
        raise usage(f"key `{what.key}` is taken by run `{run}`, whose start cannot be read; choose another") from error
    if digest(recorded.graph) != digest(what.graph):
        raise usage(f"key `{what.key}` was used for another version of the graph: `{run}`; choose another") from error
    if digest(recorded.input) != digest(what.input):
        raise usage(f"key `{what.key}` was used with another input: `{run}`; choose another") from error


async def _recorded_start(cluster: Cluster, run: str) -> RunInput | None:
    """What the run was started with, from the first event of its first execution."""
    found = await find(cluster, run)
    first_run = found.raw_description.workflow_execution_info.first_run_id or found.run_id
    handle = cluster.client.get_workflow_handle(run, run_id=first_run)
    async for event in handle.fetch_history_events(page_size=1):
        payloads = event.workflow_execution_started_event_attributes.input.payloads
        values = await cluster.client.data_converter.decode(payloads)
        try:
            return RunInput.model_validate(values[0] if values else None)
        except ValidationError:
            return None
    return None
