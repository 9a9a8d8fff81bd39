"""One model call from the wire to its result, the same for every provider."""

from __future__ import annotations

import asyncio
import logging
import time

from pydantic import ValidationError
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.failures import RESULT_LIMIT_BYTES
from activities.models import failures
from activities.models.aliases import Catalogue, Entry
from activities.models.pricing import usage_of
from activities.models.provider import Ask, Progress, Reply
from activities.models.structured import NotStructured, parse_answer
from policies.canonical import NotCanonical, canonical
from workflows.contracts.calls import Call, CallResult, ModelArgs, ModelOutput, Usage
from workflows.contracts.failures import FailureType

log = logging.getLogger(__name__)


async def call_model(catalogue: Catalogue, provider_name: str, call: Call, progress: Progress) -> CallResult:
    """Make one attempt at a model call and account for it.

    `provider_name` is the last part of the activity type (`model.anthropic`). Raises `ApplicationError` with a
    type of `FailureType`; the first detail says whether the provider may have billed (`no`, `yes` with usage, `maybe`).
    """
    args = _arguments(call)
    entry = _entry(catalogue, provider_name, args)
    started = time.monotonic()
    reply = await _complete(entry, _ask(call, args, entry), progress)
    latency_ms = round((time.monotonic() - started) * 1000)
    usage = usage_of(reply.tokens, entry.card.price, latency_ms=latency_ms)
    output = _output(args, reply, usage).model_dump(mode="json")
    _check_size(args.alias, output, usage)
    return CallResult(output=output, usage=usage)


async def _complete(entry: Entry, ask: Ask, progress: Progress) -> Reply:
    alias = entry.card.alias
    try:
        async with asyncio.timeout(entry.card.timeout_s):
            return await entry.provider.complete(ask, progress)
    except ApplicationError:
        raise
    except TimeoutError:
        raise failures.maybe_billed(alias, f"no whole answer within {entry.card.timeout_s:g} s") from None
    except asyncio.CancelledError:
        if _worker_stops():
            # Temporal repeats what a stopping worker gives up; that would spend a second time outside the gate.
            raise failures.maybe_billed(alias, "the worker stopped in the middle of the answer") from None
        raise
    except Exception as error:
        # A mistake of a provider's code or of ours: how far the request had come then nobody knows.
        log.exception("model call failed in the worker itself")
        raise failures.maybe_billed(alias, f"the worker failed: {type(error).__name__}: {error}") from None


def _worker_stops() -> bool:
    if not activity.in_activity():
        return False
    details = activity.cancellation_details()
    return details is not None and details.worker_shutdown


def _arguments(call: Call) -> ModelArgs:
    try:
        args = ModelArgs.model_validate(call.args)
    except ValidationError as error:
        places = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors())
        raise failures.model_failed(str(call.args.get("alias", "?")), f"malformed call: {places}") from None
    if args.tools or args.transcript is not None:
        raise failures.model_failed(args.alias, "a call with tools or a transcript is not there yet")
    if any(part.text is None for message in args.messages for part in message.content):
        raise failures.model_failed(args.alias, "a message that is a reference is not there yet")
    return args


def _entry(catalogue: Catalogue, provider_name: str, args: ModelArgs) -> Entry:
    entry = catalogue.get(args.alias)
    if entry is None:
        known = ", ".join(f"`{alias}`" for alias in catalogue.cards()) or "none"
        raise failures.model_failed(args.alias, f"this worker's catalogue does not have it; it has {known}")
    if (entry.card.provider, entry.card.model) != (provider_name, args.model):
        meant = f"`{args.model}` at `{provider_name}`"
        means = f"`{entry.card.model}` at `{entry.card.provider}`"
        raise failures.model_failed(
            args.alias, f"the run was admitted with {meant}, but here it is {means}: start a new run"
        )
    return entry


def _ask(call: Call, args: ModelArgs, entry: Entry) -> Ask:
    info = activity.info() if activity.in_activity() else None
    return Ask(
        args=args,
        card=entry.card,
        key=call.key,
        attempt=info.attempt if info else 1,
        # The id of a run is never used twice, and it stays the same over continue-as-new, which the run id does not.
        run=(info.workflow_id if info else "") or "",
        conversation=args.messages,
        system=args.system,
        output_schema=args.output_schema,
    )


def _output(args: ModelArgs, reply: Reply, usage: Usage) -> ModelOutput:
    answer: object = None
    if args.output_schema is not None:
        try:
            answer = parse_answer(reply.text, args.output_schema)
        except NotStructured as error:
            message = f"the answer {error} (stop reason `{reply.stop_reason}`)"
            raise failures.billed_failed(FailureType.MODEL_FAILED, args.alias, message, usage) from None
    return ModelOutput(text=reply.text, output=answer, stop_reason=reply.stop_reason, request_id=reply.request_id)


def _check_size(alias: str, output: object, usage: Usage) -> None:
    try:
        size = len(canonical(output))
    except NotCanonical as error:
        message = f"the answer cannot be kept as JSON: {error}"
        raise failures.billed_failed(FailureType.MODEL_FAILED, alias, message, usage) from None
    if size > RESULT_LIMIT_BYTES:
        message = (
            f"its result has {size} bytes, over the limit of {RESULT_LIMIT_BYTES}; ask for less, or lower `max_tokens`"
        )
        raise failures.billed_failed(FailureType.RESULT_TOO_LARGE, alias, message, usage)
