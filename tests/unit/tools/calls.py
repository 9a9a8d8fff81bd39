"""Calls to real tools on a real directory, past the real edge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from activities.control_paths import ControlPaths
from activities.edge import Edge, Scene
from activities.tools.confine import Method, Workspace
from activities.tools.declare import Tool, ToolContext
from activities.tools.registry import BUILTIN, Toolbox
from policies.canonical import digest
from policies.document import PolicyDocument, builtin_policy, parse_policy
from workflows.contracts.calls import Call, DecisionRecord, Permit
from workflows.contracts.run import ToolCard
from workflows.engine.digest import idempotency_key

TOOLS = Toolbox(BUILTIN)
KEY = "0123456789abcdef" * 4
RUN = "run-1"
NOW_MS = 1_790_000_000_000
HERE = Scene("default", "default/g/k", NOW_MS)


@dataclass(frozen=True)
class Caller:
    """Whoever calls tools of one workspace under one policy."""

    root: Path
    policy: PolicyDocument = field(default_factory=builtin_policy)
    control: ControlPaths = field(default_factory=ControlPaths)
    method: Method | None = None
    permit: Permit | Callable[[Call, ToolCard, PolicyDocument], Permit] | None = None
    grants: tuple[Permit, ...] = ()
    scene: Scene = HERE
    attempt: int = 1
    timeout_s: float = 20.0
    tools: Toolbox = TOOLS

    async def __call__(self, name: str, **args: object) -> dict[str, object]:
        """The tool's output; a failure is raised as Temporal would see it."""
        tool = self.tools.get(name)
        assert tool is not None
        return await self.use(tool, args)

    async def use(self, tool: Tool, args: Mapping[str, object]) -> dict[str, object]:
        tool.check(args)
        access = self.edge.check_tool(self.proven(tool, args), tool.card, self.scene)
        context = ToolContext(self.workspace, access, KEY, self.attempt, self.timeout_s, lambda *_: None)
        output = await tool.call(context, args)
        assert isinstance(output, dict)
        return output

    def proven(self, tool: Tool, args: Mapping[str, object]) -> Call:
        """The call with its evidence."""
        call = self.call(tool.name, args)
        permit = self.permit(call, tool.card, self.policy) if callable(self.permit) else self.permit
        return call.model_copy(update={"permit": permit, "grants": self.grants})

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.root, self.method)

    @property
    def edge(self) -> Edge:
        return Edge(self.policy, "default", self.control)

    def call(self, name: str, args: Mapping[str, object]) -> Call:
        tenant = self.policy.tenant("default")
        assert tenant is not None
        decision = DecisionRecord(verdict="allow", policy=tenant.digest[:16], digest="0" * 16)
        key = idempotency_key(
            namespace=HERE.namespace,
            workflow_id=HERE.workflow_id,
            first_run_id=RUN,
            call="a#1:0",
            args_digest=digest(dict(args)),
        )
        return Call(
            name=name,
            args=dict(args),
            activation="a#1",
            index=0,
            node="a",
            key=key,
            decision=decision,
        )

    async def fails(self, name: str, **args: object) -> ApplicationError:
        """The failure of a call that must fail."""
        with pytest.raises(ApplicationError) as caught:
            await self(name, **args)
        return caught.value


def policy(**tenant: object) -> PolicyDocument:
    """A policy with one tenant that may use every tool and file, unless it says otherwise."""
    allow = [{"tool": ["**"]}, {"fs.read": ["**"]}, {"fs.write": ["**"]}, {"model": ["*"]}]
    ask = {"ui": "modal", "deadline": "1h", "on_timeout": "deny"}
    triggers = {"on_risky_tool": ask, "on_protected_path": ask}
    return parse_policy(
        {"policy": "test", "version": 1, "tenants": {"default": {"allow": allow, **tenant}}, "triggers": triggers}
    )


def rule(error: ApplicationError) -> object:
    """The rule that refused a call."""
    assert error.type == "PolicyDenied", error
    assert error.non_retryable
    return error.details[0]["rule"]
