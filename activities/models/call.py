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
from activities.models.answer import output_of
from activities.models.means import Means
from activities.models.pacing import expected_tokens, pace
from activities.models.pricing import usage_of
from activities.models.provider import Ask, Progress, Reply
from activities.models.telling import Told, keep, tell
from activities.redaction import Redactor
from activities.stopping import worker_stops
from policies.canonical import NotCanonical, canonical
from workflows.contracts.calls import Call, CallResult, ModelArgs, ModelOutput, Usage
from workflows.contracts.failures import FailureType

log = logging.getLogger(__name__)


async def call_model(means: Means, provider_name: str, call: Call, progress: Progress) -> CallResult:
    """Make one attempt at a model call and account for it.

    `provider_name` is the last part of the activity type (`model.anthropic`). Raises `ApplicationError` with a
    type of `FailureType`; the first detail says whether the provider may have billed (`no`, `yes` with usage, `maybe`).
    What is kept of an agent's conversation has no value of a secret in it, no more than the result has.
    """
    args = _arguments(call, means.redactor)
    entry = _entry(means.catalogue, provider_name, args)
    told = await tell(args, means, _workflow_id().partition("/")[0])
    ask = _ask(call, args, entry, told)
    async with pace(entry, expected_tokens(ask), spare=call.fallback) as turn:
        started = time.monotonic()
        reply = await _complete(entry, ask, progress)
        turn.used(reply.tokens)
    usage = usage_of(reply.tokens, entry.card.price, latency_ms=round((time.monotonic() - started) * 1000))
    output = _clean(output_of(ask, reply, usage), means.redactor)
    _check_size(args.alias, _plain(output), usage)
    if args.agent:
        output = await keep(told, args, output, usage, means.transcripts)
    return CallResult(output=_plain(output), usage=usage)


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
        if worker_stops():
            # Temporal repeats what a stopping worker gives up; that would spend a second time outside the gate.
            raise failures.maybe_billed(alias, "the worker stopped in the middle of the answer") from None
        raise
    except Exception as error:
        # A mistake of a provider's code or of ours: how far the request had come then nobody knows.
        log.exception("model call failed in the worker itself")
        raise failures.maybe_billed(alias, f"the worker failed: {type(error).__name__}: {error}") from None


def _arguments(call: Call, redactor: Redactor) -> ModelArgs:
    """The arguments. What will be kept is redacted at once, so that the model is told what the transcript says."""
    given = redactor.value(call.args) if call.args.get("agent") is True else call.args
    try:
        args = ModelArgs.model_validate(given)
    except ValidationError as error:
        places = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors())
        raise failures.request_failed(str(call.args.get("alias", "?")), f"malformed call: {places}") from None
    if args.tools:
        raise failures.request_failed(args.alias, "malformed call: tools are given by name, in `toolset`")
    if not args.agent and (args.transcript is not None or args.toolset or args.compact is not None):
        raise failures.request_failed(args.alias, "malformed call: only an agent has a transcript and tools")
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


def _ask(call: Call, args: ModelArgs, entry: Entry, told: Told) -> Ask:
    return Ask(
        args=args,
        card=entry.card,
        key=call.key,
        attempt=activity.info().attempt if activity.in_activity() else 1,
        # The id of a run is never used twice, and it stays the same over continue-as-new, which the run id does not.
        run=_workflow_id(),
        conversation=told.conversation,
        system=told.system,
        tools=told.tools,
        output_schema=args.output_schema,
        opened=told.opened,
    )


def _workflow_id() -> str:
    return (activity.info().workflow_id if activity.in_activity() else None) or ""


def _clean(output: ModelOutput, redactor: Redactor) -> ModelOutput:
    """The output as it may be kept. A provider takes its own blocks back unchanged or not at all."""
    plain = output.model_dump(mode="json")
    clean = ModelOutput.model_validate(redactor.value(plain))
    changed = redactor.value(plain["content"]) != plain["content"]
    return clean.model_copy(update={"content": (), "provider": None}) if changed else clean


def _plain(output: ModelOutput) -> dict[str, object]:
    return output.model_dump(mode="json", exclude_defaults=True)


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
