"""From a provider's reply to the output of a call."""

from __future__ import annotations

from activities.models import failures
from activities.models.provider import Ask, Reply
from activities.models.structured import NotStructured, parse_answer
from policies.canonical import NotCanonical, canonical
from workflows.contracts.calls import ModelOutput, Usage
from workflows.contracts.conversation import ToolUse
from workflows.contracts.failures import FailureType
from workflows.contracts.repair import with_fresh_ids

CUT_OFF = frozenset({"max_tokens", "refusal"})
"""Where a summary ends like this, it is not one."""


def output_of(ask: Ask, reply: Reply, usage: Usage) -> ModelOutput:
    """What a call gives. Fails, billed, for an answer that is of no use to what asked."""
    if ask.args.agent and not ask.compacting:
        return _turn(ask, reply)
    if reply.tool_calls:
        raise _useless(ask, reply, "the answer asks for a tool, and it was offered none", usage)
    if ask.compacting:
        return _summary(ask, reply, usage)
    try:
        value = _structured(ask, reply)
    except NotStructured as error:
        raise _useless(ask, reply, f"the answer {error}", usage) from None
    return ModelOutput(text=reply.text, output=value, stop_reason=reply.stop_reason, request_id=reply.request_id)


def _turn(ask: Ask, reply: Reply) -> ModelOutput:
    """A turn of an agent. What is wrong with it the model is told, so none of it is a failure."""
    value, fault = None, None
    if not reply.tool_calls:
        try:
            value = _structured(ask, reply)
        except NotStructured as error:
            fault = f"the answer {error}"
    taken = {call.id for message in ask.conversation for call in message.tool_calls}
    return ModelOutput(
        text=reply.text if reply.text.strip() else "",
        output=value,
        fault=fault,
        stop_reason=reply.stop_reason,
        request_id=reply.request_id,
        content=reply.raw,
        provider=ask.card.provider if reply.raw else None,
        tool_calls=with_fresh_ids(map(_readable, reply.tool_calls), taken),
    )


def _summary(ask: Ask, reply: Reply, usage: Usage) -> ModelOutput:
    if reply.stop_reason in CUT_OFF:
        raise _useless(ask, reply, "the summary is not whole", usage)
    if not reply.text.strip():
        raise _useless(ask, reply, "the summary is empty", usage)
    return ModelOutput(text=reply.text, stop_reason=reply.stop_reason, request_id=reply.request_id)


def _structured(ask: Ask, reply: Reply) -> object:
    """The value that the schema asks for, null without one. A value that no history can hold is none."""
    if ask.output_schema is None:
        return None
    value = parse_answer(reply.text, ask.output_schema)
    try:
        canonical(value)
    except NotCanonical as error:
        raise NotStructured(f"cannot be kept as JSON: {error}") from None
    return value


def _readable(call: ToolUse) -> ToolUse:
    """The call; without its arguments where no history can hold them."""
    try:
        canonical(call.args)
    except NotCanonical as error:
        return call.model_copy(update={"args": {}, "fault": f"the arguments cannot be kept as JSON: {error}"})
    return call


def _useless(ask: Ask, reply: Reply, what: str, usage: Usage) -> Exception:
    message = f"{what} (stop reason `{reply.stop_reason}`)"
    return failures.billed_failed(FailureType.MODEL_FAILED, ask.card.alias, message, usage)
