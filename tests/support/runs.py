"""Runs on the real server: a worker on a task queue of its own, runs started on it, and what a person does to them."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import yaml
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowQueryFailedError
from temporalio.exceptions import ApplicationError

from cli.closed import closed_view
from policies.house_rules import KEYS as HOUSE
from worker.compose import build_worker, compose
from worker.ledgers import keeping_ledgers
from worker.seal_key import require_seal_keys
from worker.settings import Settings
from workflows.contracts.names import UPDATE_ANSWER, WORKFLOW, workflow_id
from workflows.contracts.pause import PauseView
from workflows.contracts.run import RunView

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from activities.blobs import DirectoryBlobs
    from activities.seal import SealKeys

TOOLS = Path(__file__).resolve().parents[1] / "server" / "tools"
TIMEOUT_S = 20.0
SEAL_KEY = base64.b64encode(bytes(range(32))).decode()
"""What the workers of tests seal with."""
AUDIT_KEY = base64.b64encode(bytes(range(32, 64))).decode()
"""What they sign heads of the audit with, where a policy wants that."""
ALLOWED: tuple[dict[str, list[str]], ...] = (
    {"tool": ["**"]},
    {"fs.read": ["**"]},
    {"fs.write": ["**"]},
    {"model": ["*"]},
)
MODELS = "models: {default: {provider: scripted, script: replies.yaml}}"
SCRIPT = "replies: [{default: true, text: done}]"


def policy_of(**parts: object) -> dict[str, Any]:
    """A policy that allows everything but asks about what is risky or protected, with parts of it replaced.

    They are of the tenant, or of the document (`guardrails`, `answerers` …). No run leases from its tenant's
    budget unless `budgets` have a `tenant`.
    """
    asks = {"ui": "modal", "deadline": "1h", "on_timeout": "deny"}
    house = {key: parts.pop(key) for key in HOUSE if key in parts}
    triggers = house.pop("triggers", None) or {"on_risky_tool": asks, "on_protected_path": asks}
    budgets = {"tenant": None, **cast("dict[str, object]", parts.pop("budgets", {}))}
    base: dict[str, object] = {"namespaces": ["*"], "allow": list(ALLOWED), "protected": ["**/.git/**"]}
    tenant = {**base, "budgets": budgets, **parts}
    return {"policy": "test", "version": 1, "tenants": {"default": tenant}, "triggers": triggers, **house}


def graph_of(nodes: Mapping[str, object], **more: object) -> dict[str, Any]:
    """A graph that starts at its first node and asks for everything."""
    base: dict[str, object] = {"graph": "g", "version": "1.0.0", "capabilities": list(ALLOWED)}
    return {**base, "start": next(iter(nodes)), "nodes": dict(nodes), **more}


def human(*outcomes: str, to: str, **fields: object) -> dict[str, object]:
    """A human node whose outcomes all lead to one node."""
    routes = dict.fromkeys(outcomes, to)
    return {"kind": "human", "ask": "Well?", "outcomes": list(outcomes), "routes": routes, **fields}


def tool(name: str, to: str, given: Mapping[str, object] | None = None, **fields: object) -> dict[str, object]:
    """A tool node."""
    return {"kind": "tool", "tool": name, "with": dict(given or {}), "next": to, **fields}


@dataclass(frozen=True)
class Run:
    """One run, seen and handled through the client as every program does."""

    handle: WorkflowHandle[Any, Any]
    client: Client

    async def view(self) -> RunView:
        """The query `view`."""
        return RunView.model_validate(await self.handle.query("view"))

    async def pauses(self) -> list[PauseView]:
        """The query `pauses`."""
        return [PauseView.model_validate(pause) for pause in await self.handle.query("pauses")]

    async def until(self, holds: Callable[[RunView], object]) -> RunView:
        """The first view that something holds of."""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                try:
                    view = await self.view()
                except WorkflowQueryFailedError:  # not admitted yet
                    await asyncio.sleep(0.02)
                    continue
                if holds(view):
                    return view
                await asyncio.sleep(0.02)

    async def pause(self, count: int = 1) -> PauseView:
        """The last of `count` open pauses."""
        return (await self.until(lambda view: len(view.pauses) >= count)).pauses[count - 1]

    async def asked(self, pause: str) -> PauseView:
        """A pause, once it is open."""
        view = await self.until(lambda view: pause in [one.id for one in view.pauses])
        return next(one for one in view.pauses if one.id == pause)

    async def answer(self, outcome: str, **fields: object) -> dict[str, Any]:
        """Answer the first open pause, or the one named, by update."""
        pause = fields.pop("pause", None) or (await self.pause()).id
        payload = {"v": 1, "pause": pause, "outcome": outcome, "by": "ada", **fields}
        receipt: dict[str, Any] = await self.handle.execute_update(UPDATE_ANSWER, payload)
        return receipt

    async def signal(self, payload: object) -> None:
        """Send a signal `answer`."""
        await self.handle.signal("answer", payload)

    async def closed(self) -> RunView:
        """The last view of the run once it has ended, as the command line finds it without a worker."""
        async with asyncio.timeout(TIMEOUT_S):
            with suppress(WorkflowFailureError):
                await self.handle.result()
        return await closed_view(self.client, await self.client.get_workflow_handle(self.handle.id).describe())

    async def failure(self) -> ApplicationError:
        """What the run failed with."""
        async with asyncio.timeout(TIMEOUT_S):
            with pytest.raises(WorkflowFailureError) as caught:
                await self.handle.result()
        cause = caught.value.cause
        assert isinstance(cause, ApplicationError), cause
        return cause

    async def types(self) -> list[str]:
        """The types of its events so far, without prefix."""
        events = (await self.handle.fetch_history()).events
        return [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in events]


@dataclass
class Runs:
    """A place where runs are started, with the workspace that their tools work in."""

    client: Client
    task_queue: str
    workspace: Path
    count: int = field(default=0)

    async def start(self, graph: Mapping[str, object] | str, given: object = None, **options: Any) -> Run:
        """Start a run of a graph, as data or as YAML, with the input `given`."""
        document = yaml.safe_load(graph) if isinstance(graph, str) else dict(graph)
        raw = {"v": 1, "graph": document, "input": given, **options.pop("raw", {})}
        key = options.pop("key", None) or self.key()
        return await self.start_raw(raw, id=workflow_id("default", str(document["graph"]), key), **options)

    async def start_raw(self, *raw: object, **options: Any) -> Run:
        """Start our workflow with whatever arguments."""
        run_id = options.pop("id", None) or workflow_id("default", "g", self.key())
        handle: WorkflowHandle[Any, Any] = await self.client.start_workflow(
            WORKFLOW,
            args=list(raw),
            id=run_id,
            task_queue=self.task_queue,
            execution_timeout=options.pop("execution_timeout", timedelta(seconds=60)),
            **options,
        )
        return Run(handle, self.client)

    def key(self) -> str:
        """A key that no other run of the test run has."""
        self.count += 1
        return f"{self.task_queue}-{self.count}"

    async def effect(self, tool: str, count: int = 1) -> None:
        """Return once a tool has left as many lines."""
        async with asyncio.timeout(TIMEOUT_S):
            while len(self.effects(tool)) < count:  # noqa: ASYNC110 - any process may write them
                await asyncio.sleep(0.02)

    def effects(self, tool: str | None = None) -> list[dict[str, Any]]:
        """What the tools of `tests/server/tools` left, in order."""
        file = self.workspace / "effects.jsonl"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in map(json.loads, lines) if tool in (None, line["tool"])]


@asynccontextmanager
async def working(
    client: Client,
    blobs: DirectoryBlobs,
    task_queue: str,
    root: Path,
    *,
    policy: Mapping[str, object] | None = None,
    script: str = SCRIPT,
    models: str = MODELS,
    carry_after: int | None = None,
    operator: str = "operator",
    seals: SealKeys | None = None,
    ledgers: bool = True,
    skills: tuple[Path, ...] = (),
) -> AsyncIterator[Runs]:
    """A worker with our tools, composed as `detent worker` composes it.

    Its workspace is `root/workspace`; the operator's files lie in the directory `operator` of `root`. `seals` are
    its keys, where they are not those of all tests. Without `ledgers` nobody keeps the tenants' ledgers.
    """
    workspace, own = root / "workspace", root / operator
    workspace.mkdir(exist_ok=True)
    _write_operator_files(own, policy or policy_of(), script, models)
    policy_file, models_file = own / "policy.yaml", own / "models.yaml"
    settings = Settings(workspace, blobs._root, policy_file, models_file, (TOOLS,), skills, task_queue=task_queue)
    environ = {"DETENT_SEAL_KEY": SEAL_KEY, "DETENT_AUDIT_KEY": AUDIT_KEY}
    if carry_after is not None:
        environ["DETENT_CARRY_AFTER_EVENTS"] = str(carry_after)
    composition = compose(settings, client.namespace, environ, seals)
    try:
        keys = require_seal_keys(composition.seals)
        keeping = keeping_ledgers(client, composition.policy, keys) if ledgers else nullcontext()
        async with keeping, build_worker(client, composition):
            yield Runs(client, task_queue, workspace)
    finally:
        await composition.close()


def _write_operator_files(own: Path, policy: Mapping[str, object], script: str, models: str) -> None:
    own.mkdir(exist_ok=True, parents=True)
    (own / "policy.yaml").write_text(json.dumps(policy))
    (own / "models.yaml").write_text(models)
    (own / "replies.yaml").write_text(script)
