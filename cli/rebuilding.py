"""What a run's histories hold, put back into the blob store: payloads, results of tools, conversations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import ValidationError
from temporalio.api.common.v1 import Payload

from activities.ports import BlobDamaged, BlobForeign, BlobMissing
from activities.segments import digest_of, write_segment
from activities.storage import THRESHOLD_BYTES, digest_of_claim
from activities.stored_payloads import payloads, reference_of
from activities.transcripts import Transcript, Transcripts
from cli.mending import Mending
from workflows.contracts.calls import CallResult, ModelArgs, ModelOutput
from workflows.contracts.keeping import Kept, kept_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from temporalio.client import WorkflowHistory

    from activities.ports import BlobStore
    from workflows.contracts.conversation import Content

ELSEWHERE = (
    "the history has only a reference to it; an export of `detent history` may hold it: give it with `--history`"
)
NEVER_HERE = "it was cut for the model, and the history holds only the beginning"
MEDIA = "it is {media}, of which no history ever holds more than a reference"
NOT_FROM_HERE = "what it goes on from is lost, and is not in these histories"
ANOTHER = "the history gives another one: it holds a value that was redacted, or another version wrote it"


async def rebuild(store: BlobStore, histories: Sequence[WorkflowHistory], tenant: str) -> Mending:
    """Restore what the histories of a run, the oldest first, hold of what its tenant keeps in the store."""
    mending = Mending(store)
    for history in histories:
        await _payloads(mending, history)
    calls = [call for history in histories for call in await _calls(mending, history)]
    for _, result in calls:
        if result.content is not None:
            await _content(mending, result.content, tenant)
    talks = Retelling(mending, tenant)
    for args, result in calls:
        if args is not None:
            await talks.retell(args, result)
    return mending


async def _payloads(mending: Mending, history: WorkflowHistory) -> None:
    """Payloads so large that they were kept elsewhere, where this history has them whole."""
    for payload in _all(history):
        reference = reference_of(payload)
        data = payload.SerializeToString(deterministic=True)
        if reference is None and len(data) >= THRESHOLD_BYTES:
            await mending.put(data, None)
    for payload in _all(history):
        reference = reference_of(payload)
        if reference is not None:
            await mending.find(digest_of_claim(dict(reference.claim_data)), None, ELSEWHERE)


def _all(history: WorkflowHistory) -> Iterator[Payload]:
    for event in history.events:
        yield from payloads(event)


async def _calls(mending: Mending, history: WorkflowHistory) -> list[tuple[ModelArgs | None, CallResult]]:
    """The calls that were answered, in the order of their answers; the arguments of those that were an agent's turn."""
    asked: dict[int, Payload] = {}
    found = []
    for event in history.events:
        if event.HasField("activity_task_scheduled_event_attributes"):
            asked[event.event_id] = event.activity_task_scheduled_event_attributes.input.payloads[0]
        elif event.HasField("activity_task_completed_event_attributes"):
            ended = event.activity_task_completed_event_attributes
            result = await _read(mending, ended.result.payloads[0]) if ended.result.payloads else None
            call = await _read(mending, asked[ended.scheduled_event_id]) if ended.scheduled_event_id in asked else None
            found.append((_turn(call), _result(result)))
    return [(args, result) for args, result in found if result is not None]


async def _read(mending: Mending, payload: Payload) -> object:
    reference = reference_of(payload)
    if reference is not None:
        stored = await mending.find(digest_of_claim(dict(reference.claim_data)), None, ELSEWHERE)
        if stored is None:
            return None
        payload = Payload.FromString(stored)
    try:
        return json.loads(payload.data)
    except ValueError:
        return None


def _turn(call: object) -> ModelArgs | None:
    args = call.get("args") if isinstance(call, dict) else None
    if not isinstance(args, dict) or args.get("agent") is not True:
        return None
    try:
        return ModelArgs.model_validate(args)
    except ValidationError:
        return None


def _result(value: object) -> CallResult | None:
    try:
        return CallResult.model_validate(value)
    except ValidationError:
        return None


async def _content(mending: Mending, content: Content, tenant: str) -> None:
    """The text that a model was given; what was cut off it, history never had, nor images and documents."""
    if content.ref is not None and content.media is not None:
        await mending.find(content.ref.digest, tenant, MEDIA.format(media=content.media))
        return
    data = content.text.encode("utf-8", "replace")
    if content.ref is not None:
        if digest_of(data) == content.ref.digest:
            await mending.put(data, tenant)
        else:
            await mending.find(content.ref.digest, tenant, ANOTHER)
    if content.whole is not None:
        await mending.find(content.whole.digest, tenant, NEVER_HERE)


class Retelling:
    """Conversations, made again from the calls that made them."""

    def __init__(self, mending: Mending, tenant: str) -> None:
        self._mending = mending
        self._tenant = tenant
        self._transcripts = Transcripts(mending.store)
        self._told: dict[str | None, Transcript] = {None: Transcript()}

    async def retell(self, args: ModelArgs, result: CallResult) -> None:
        """One turn: what it went on from, and the segment that it left."""
        try:
            output = ModelOutput.model_validate(result.output)
        except ValidationError:
            return
        if output.transcript is None:
            return
        digest = output.transcript.digest
        before = await self._before(args)
        if before is None:
            await self._mending.find(digest, self._tenant, NOT_FROM_HERE)
            return
        kept = kept_of(before.messages, args, output)
        start = Transcript() if kept.beginning else before
        data = write_segment(start.segments, kept.messages, self._system(kept, before, args))
        if digest_of(data) != digest:
            await self._mending.find(digest, self._tenant, ANOTHER)
            return
        await self._mending.put(data, self._tenant)
        self._told[digest] = Transcript(
            output.transcript,
            args.system or before.system,
            (*start.messages, *kept.messages),
            output.transcript_bytes,
            (*start.segments, digest),
        )

    def _system(self, kept: Kept, before: Transcript, args: ModelArgs) -> str | None:
        """As the call does: a beginning says again what the conversation began with."""
        return args.system or before.system if kept.beginning else args.system

    async def _before(self, args: ModelArgs) -> Transcript | None:
        """What the call went on from: made again, or as the store has it; null if neither is to be had."""
        digest = None if args.transcript is None else args.transcript.digest
        if digest not in self._told:
            try:
                self._told[digest] = await self._transcripts.load(args.transcript, self._tenant)
            except (BlobMissing, BlobDamaged, BlobForeign):
                return None
        return self._told[digest]
