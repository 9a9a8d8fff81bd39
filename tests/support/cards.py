"""Run cards for tests of the engine: the tools, models and policy that its graphs are run with."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from policies.canonical import digest
from policies.document import parse_policy
from policies.house_rules import KEYS as HOUSE
from policies.model import Effect, Risk
from workflows.contracts.names import ENGINE
from workflows.contracts.run import ModelCard, NeedCard, PriceCard, RunCard, ToolCard

if TYPE_CHECKING:
    from collections.abc import Mapping

UNLIMITED: dict[str, object] = {
    "execution": {"tokens": None, "cost_usd": None, "wall_clock": None},
    "lifetime": {"tokens": None, "cost_usd": None, "steps": None, "wall_clock": None, "tool_calls": None},
}


def tool_card(
    name: str,
    properties: Mapping[str, str],
    *,
    effect: Effect = Effect.READ,
    risk: Risk = Risk.LOW,
    needs: tuple[NeedCard, ...] = (),
    labels: tuple[str, ...] = (),
) -> ToolCard:
    """A tool whose arguments are all required; `properties` maps a name to its JSON type."""
    schema: dict[str, object] = {
        "type": "object",
        "properties": {key: {"type": kind} for key, kind in properties.items()},
        "required": list(properties),
        "additionalProperties": False,
    }
    return ToolCard(
        name=name,
        effect=effect,
        risk=risk,
        timeout_s=10,
        needs=needs,
        labels=labels,
        input_schema=schema,
        digest=digest([name]),
    )


TOOLS: tuple[ToolCard, ...] = (
    tool_card("fs.glob", {"pattern": "string"}, needs=(NeedCard(kind="fs.read", arg="pattern"),)),
    tool_card("fs.read", {"path": "string"}, needs=(NeedCard(kind="fs.read", arg="path"),)),
    tool_card(
        "fs.write",
        {"path": "string", "text": "string"},
        effect=Effect.IDEMPOTENT,
        needs=(NeedCard(kind="fs.write", arg="path"),),
    ),
    tool_card("web", {"host": "string"}, needs=(NeedCard(kind="net", arg="host"),), labels=("external",)),
    tool_card("pure", {"x": "integer"}, effect=Effect.NONE),
    tool_card("keep", {"x": "integer"}, effect=Effect.IDEMPOTENT),
    tool_card("pay", {"usd": "integer"}, effect=Effect.ONCE),
    tool_card("risky", {"x": "integer"}, effect=Effect.IDEMPOTENT, risk=Risk.HIGH),
    tool_card("forbidden", {"x": "integer"}, risk=Risk.CRITICAL),
)
MODELS: tuple[ModelCard, ...] = (
    ModelCard(
        alias="default",
        provider="scripted",
        model="scripted",
        max_tokens=1000,
        context=100_000,
        price=PriceCard(input=3000, output=15000, cache_read=300, cache_write=3750),
        digest=digest(["default"]),
    ),
    ModelCard(
        alias="small",
        provider="cheap",
        model="tiny",
        max_tokens=500,
        context=200_000,
        price=PriceCard(input=300, output=1500, cache_read=30, cache_write=375),
        digest=digest(["small"]),
    ),
    ModelCard(
        alias="short",
        provider="scripted",
        model="short",
        max_tokens=400,
        context=4000,
        price=PriceCard(),
        digest=digest(["short"]),
    ),
    ModelCard(
        alias="steady",
        provider="scripted",
        model="steady",
        max_tokens=2000,
        context=100_000,
        price=PriceCard(input=3000, output=15000, cache_read=300, cache_write=3750),
        digest=digest(["steady"]),
        fallback=("small", "default"),
    ),
    ModelCard(
        alias="auto",
        provider="router",
        model="router",
        max_tokens=4096,
        context=200_000,
        price=PriceCard(),
        digest=digest(["auto"]),
        routes={"simple": "small", "medium": "default", "complex": "steady"},
    ),
)


def policy_document(**parts: object) -> dict[str, object]:
    """A policy that allows the test tools and limits nothing, with parts of it or of its tenant replaced.

    No run leases from its tenant's budget unless `budgets` have a `tenant`.
    """
    triggers = {
        "on_risky_tool": {"ui": "modal", "deadline": "1h", "on_timeout": "deny"},
        "on_protected_path": {"ui": "modal"},
    }
    house = {"triggers": triggers, **{key: parts.pop(key) for key in HOUSE if key in parts}}
    base: dict[str, object] = {
        "allow": [{"tool": ["**"]}, {"fs.read": ["**"]}, {"fs.write": ["**"]}, {"model": ["*"]}],
        "deny": [{"fs.read": ["**/.env"]}],
        "protected": ["**/.git/**"],
    }
    budgets = {"tenant": None, **cast("dict[str, object]", parts.pop("budgets", UNLIMITED))}
    return {
        "policy": "test",
        "version": 1,
        "tenants": {"default": {**base, "budgets": budgets, **parts}},
        **house,
    }


def run_card(policy: dict[str, object] | None = None) -> RunCard:
    """The run card of a worker that has the test tools and models."""
    tenant = parse_policy(policy or policy_document()).tenant("default")
    assert tenant is not None
    return RunCard(
        engine=ENGINE,
        tenant="default",
        policy=tenant.to_document(),
        policy_digest=tenant.digest,
        tools={card.name: card for card in TOOLS},
        models={card.alias: card for card in MODELS},
        expressions="test",
    )
