"""Calls as the engine makes them, and a worker's parts to give them to."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from temporalio.common import RawValue
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import ActivityEnvironment

from activities.blobs import DirectoryBlobs
from activities.control_paths import ControlPaths
from activities.dispatch import Dispatch, Reach
from activities.edge import Edge
from activities.models.catalogue import Catalogue
from activities.tools.confine import Workspace
from activities.tools.declare import Tool
from activities.tools.registry import BUILTIN, Toolbox
from policies.canonical import digest
from policies.document import PolicyDocument, builtin_policy
from workflows.contracts.names import ENGINE
from workflows.engine.digest import decision_digest

CONVERTER = pydantic_data_converter.payload_converter


def reach(root: Path, *tools: Tool, policy: PolicyDocument | None = None, catalogue: Catalogue | None = None) -> Reach:
    """The parts of a worker whose workspace is `root/work`."""
    workspace = root / "work"
    workspace.mkdir(exist_ok=True)
    edge = Edge(policy or builtin_policy(), "default", ControlPaths())
    toolbox = Toolbox((*BUILTIN, *tools))
    return Reach(Workspace(workspace), toolbox, catalogue or Catalogue({}), edge, DirectoryBlobs(root / "blobs"))


def call(name: str, args: dict[str, Any], subject: str, kind: str = "tool", **changes: Any) -> dict[str, Any]:
    """A call that was decided as the engine decides; `changes` are made afterwards, as by somebody else."""
    policy = builtin_policy().tenants["default"].digest[:16]
    decided = decision_digest(
        engine=ENGINE,
        kind=kind,
        name=name,
        args_digest=digest(args),
        tool_digest=subject,
        policy=policy,
        verdict="allow",
        rules=("allow",),
    )
    decision = {"verdict": "allow", "rules": ["allow"], "policy": policy, "digest": decided}
    made = {"v": 1, "name": name, "args": args, "activation": "a#1", "index": 1, "node": "a", "key": "0" * 64}
    return {**made, "decision": decision, **changes}


async def attempt(parts: Reach, argument: object, **info: Any) -> dict[str, Any]:
    """One attempt, as Temporal makes it; gives the result as the workflow sees it."""
    return await attempt_with(Dispatch(parts), argument, **info)


async def attempt_with(dispatch: Dispatch, argument: object, **info: Any) -> dict[str, Any]:
    """The same on a worker that is composed already."""
    environment = ActivityEnvironment()
    environment.payload_converter = CONVERTER
    name = argument.get("name", "") if isinstance(argument, dict) else ""
    known = {"activity_type": name, "workflow_id": "default/g/k", **info}
    environment.info = dataclasses.replace(environment.info, **known)
    raw = RawValue(CONVERTER.to_payload(argument))
    result = await environment.run(dispatch.dispatch, [raw])
    assert isinstance(result, RawValue)
    found: dict[str, Any] = CONVERTER.from_payload(result.payload)
    return found


def card_digest(parts: Reach, name: str) -> str:
    """The digest that a decision about the tool covers."""
    found = parts.toolbox.get(name)
    assert found is not None
    return found.card.digest
