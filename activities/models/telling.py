"""What a model is told in a call, and what is kept of its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from activities.models import failures
from activities.models.means import Means
from activities.models.opening import load, open_parts
from activities.models.provider import ToolOffer
from activities.models.room import within_room
from activities.models.summary import SYSTEM, summary_request
from activities.models.toolset import offers_of
from activities.ports import BlobError
from activities.transcripts import Transcript, Transcripts
from workflows.contracts.calls import ModelArgs, ModelOutput, Usage
from workflows.contracts.compaction import cut, elided
from workflows.contracts.conversation import Compact, Message, Part
from workflows.contracts.failures import FailureType
from workflows.contracts.keeping import kept_of
from workflows.contracts.repair import repair


@dataclass(frozen=True, slots=True)
class Told:
    """What the provider is told, for which tenant, and the transcript `before` the call."""

    tenant: str
    conversation: tuple[Message, ...]
    system: str | None
    tools: tuple[ToolOffer, ...] = ()
    opened: Mapping[str, bytes] = field(default_factory=dict)
    before: Transcript = field(default_factory=Transcript)


async def tell(args: ModelArgs, means: Means, tenant: str) -> Told:
    """Put together what the model is told. Whatever fails here fails before anything is billed."""
    if args.compact is not None and args.compact.how == "summary":
        return await _tell_to_sum_up(args, args.compact, means, tenant)
    if args.agent:
        return await _tell_a_turn(args, means, tenant)
    opened = await open_parts(means.transcripts, args.messages, tenant, args.alias)
    return Told(tenant, args.messages, args.system, opened=opened)


async def keep(told: Told, args: ModelArgs, output: ModelOutput, usage: Usage, transcripts: Transcripts) -> ModelOutput:
    """Keep what the call leaves of its conversation, and say in the output where; fails, billed, if it cannot be."""
    kept = kept_of(told.before.messages, args, output)
    system = args.system or told.before.system
    try:
        if kept.beginning:
            after = await transcripts.begin(kept.messages, tenant=told.tenant, system=system)
        else:
            after = await transcripts.append(told.before, kept.messages, tenant=told.tenant, system=args.system)
    except BlobError as error:
        message = f"its answer could not be kept: {error}"
        raise failures.billed_failed(FailureType.MODEL_FAILED, args.alias, message, usage) from None
    return output.model_copy(update={"transcript": after.ref, "transcript_bytes": after.in_bytes})


async def _tell_a_turn(args: ModelArgs, means: Means, tenant: str) -> Told:
    """The whole conversation, with what is new, so that a provider takes it."""
    tools = offers_of(args.toolset, means.toolbox, args.alias)
    before = await load(means.transcripts, args.transcript, tenant, args.alias)
    said = elided(before.messages, args.compact.keep) if args.compact is not None else before.messages
    conversation = within_room(repair((*said, *args.messages)))
    if not conversation or conversation[-1].role != "user":
        raise failures.request_failed(
            args.alias, "nothing is asked: the conversation does not end with the user's words"
        )
    opened = await open_parts(means.transcripts, conversation, tenant, args.alias)
    return Told(tenant, conversation, args.system or before.system, tools, opened, before)


async def _tell_to_sum_up(args: ModelArgs, compact: Compact, means: Means, tenant: str) -> Told:
    """The older part of the conversation, as text to be summed up."""
    before = await load(means.transcripts, args.transcript, tenant, args.alias)
    older = cut(before.messages, compact.keep).older
    if not older:
        raise failures.request_failed(args.alias, "nothing of the conversation is old enough to be summed up")
    opened = await open_parts(means.transcripts, older, tenant, args.alias, media=False)

    def text_of(part: Part) -> str:
        return opened[part.ref.digest].decode() if part.ref is not None else part.text or ""

    return Told(tenant, (summary_request(older, text_of, args.max_tokens),), SYSTEM, before=before)
