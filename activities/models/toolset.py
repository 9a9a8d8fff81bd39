"""From the names in a model call to the tools that the model is offered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from temporalio.exceptions import ApplicationError

from activities.failures import failure
from activities.models.provider import ToolOffer
from activities.tools.registry import Toolbox
from workflows.contracts.agent_tools import REQUEST_CAPABILITY, REQUEST_DIGEST, REQUEST_SCHEMA
from workflows.contracts.failures import FailureType

DIGEST_DIGITS = 12


def offers_of(toolset: Sequence[str], toolbox: Toolbox, alias: str) -> tuple[ToolOffer, ...]:
    """The tools of a toolset (`name@<12 digits of its digest>`), in its order.

    Fails, before anything is billed, for a tool that this worker does not have (`Gap`, tried again: another
    worker of the queue may have it) and for one that is not what the run knows (`ToolChanged`, for good).
    """
    return tuple(_offer(item, toolbox, alias) for item in toolset)


def _offer(item: str, toolbox: Toolbox, alias: str) -> ToolOffer:
    name, _, digits = item.rpartition("@")
    digest, schema = _known(name, toolbox, alias)
    if digits != digest[:DIGEST_DIGITS]:
        message = (
            f"model `{alias}`: tool `{name}` is not what the run knows: here it is {digest[:DIGEST_DIGITS]}, "
            f"not {digits}; put the other one back, or provide the new one to the run"
        )
        tool = toolbox.get(name)
        card = {} if tool is None else {"card": tool.card.model_dump(mode="json", exclude_defaults=True)}
        details: dict[str, object] = {"billed": "no", "tool": name, "digest": digest, **card}
        raise failure(FailureType.TOOL_CHANGED, message, details=details)
    described = str(schema.get("description", ""))
    return ToolOffer(name, described, {key: value for key, value in schema.items() if key != "description"})


def _known(name: str, toolbox: Toolbox, alias: str) -> tuple[str, Mapping[str, object]]:
    """The digest and the schema of a tool as this worker has it."""
    if name == REQUEST_CAPABILITY:
        return REQUEST_DIGEST, REQUEST_SCHEMA
    tool = toolbox.get(name)
    if tool is None:
        raise _gone(name, alias)
    return tool.card.digest, tool.card.input_schema


def _gone(name: str, alias: str) -> ApplicationError:
    message = f"model `{alias}`: tool `{name}`, which it is to be offered, is not on this worker"
    details: dict[str, object] = {"billed": "no", "tool": name}
    return failure(FailureType.GAP, message, details=details, retryable=True)
