"""The one activity behind every call: its type is the name of what is called."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from temporalio import activity
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError, CancelledError

from activities.approvals import keep_approval, scene_of
from activities.content import Unshowable, make_content
from activities.decided import check_decided, check_pinned
from activities.edge import Edge
from activities.failures import failure, policy_denied, tool_failed, uncertain, with_attempt
from activities.heartbeats import Heartbeats
from activities.models.call import call_model
from activities.models.catalogue import Catalogue
from activities.models.means import Means
from activities.models.provider import Progress
from activities.models.retries import begin, require_vouched, vouch
from activities.once import claim_effect
from activities.ports import BlobError, BlobStore
from activities.redaction import Redactor
from activities.tool_errors import plain, without_places
from activities.tools.confine import Workspace
from activities.tools.declare import Media, Tool, ToolContext
from activities.tools.registry import Toolbox
from activities.transcripts import Transcripts
from policies.model import Effect
from workflows.contracts.calls import Call
from workflows.contracts.failures import FailureType
from workflows.contracts.twins import refuse_twins

log = logging.getLogger(__name__)

CALL_VERSION = 1
MODEL_PREFIX = "model."


@dataclass(frozen=True, slots=True)
class Reach:
    """What calls of this worker can reach, the edge that checks them once more, and what may not leave."""

    workspace: Workspace
    toolbox: Toolbox
    catalogue: Catalogue
    edge: Edge
    blobs: BlobStore
    redactor: Redactor = field(default_factory=Redactor)


class Dispatch:
    """Decodes a call, checks that it may happen here and now, makes it, and gives back what came of it."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._means = Means(reach.catalogue, reach.toolbox, Transcripts(reach.blobs), reach.redactor)

    @activity.defn(dynamic=True)
    async def dispatch(self, args: Sequence[RawValue]) -> RawValue:
        """One attempt at one call. Every failure is an `ApplicationError` with a type of `FailureType`.

        Whatever leaves it, result, failure or heartbeat, has no value of a secret in it.
        """
        redactor = self._reach.redactor
        try:
            result = await self._attempt(args, activity.info())
            return RawValue(redactor.payload(activity.payload_converter().to_payload(result)))
        except ApplicationError as error:
            raise with_attempt(redactor.error(error), activity.info().attempt) from None
        except CancelledError:
            raise CancelledError from None  # its own words might be a tool's
        except Exception as error:
            # A mistake of ours: the run must see one failed call, not an attempt without words.
            log.exception("call failed in the worker itself")
            message = without_places(redactor.text(f"{type(error).__name__}: {error}"), self._reach.workspace.root)
            raise failure(FailureType.INTERNAL, message, retryable=True) from None

    async def _attempt(self, args: Sequence[RawValue], info: activity.Info) -> dict[str, object]:
        call = _read(args)
        redactor = self._reach.redactor
        async with Heartbeats(lambda details: activity.heartbeat(redactor.value(details)), info.attempt) as beats:
            if info.activity_type.startswith(MODEL_PREFIX):
                provider = info.activity_type.removeprefix(MODEL_PREFIX)
                return await self._call_model(call, info, provider, beats)
            if info.activity_type != call.name:
                message = f"`{call.name}`: the activity is of type `{info.activity_type}`, not the tool's name"
                raise policy_denied("edge.decision", message)
            return await self._call_tool(call, info, beats)

    async def _call_tool(self, call: Call, info: activity.Info, beats: Heartbeats) -> dict[str, object]:
        reach = self._reach
        tool = await self._tool(call)
        check_pinned(call, tool.card)
        check_decided(call, "tool", tool.card.digest)
        tool.check(call.args)  # before the edge, to which a missing argument would look like a missing capability
        where = await scene_of(reach.blobs, call, info)
        access = reach.edge.check_tool(call, tool.card, where)
        await keep_approval(reach.blobs, call, where)
        if tool.effect is Effect.ONCE:
            await claim_effect(reach.blobs, call, f"{info.workflow_id} {info.workflow_run_id} {info.activity_id}")
        context = ToolContext(
            workspace=reach.workspace,
            access=access,
            idempotency_key=call.key,
            attempt=info.attempt,
            timeout_s=info.start_to_close_timeout.total_seconds() if info.start_to_close_timeout else tool.timeout_s,
            heartbeat=_from_any_thread(beats),
        )
        try:
            output = await tool.call(context, call.args)
        except ApplicationError as error:
            raise plain(error, tool.card, reach.workspace.root) from None
        done = {"v": CALL_VERSION, "status": "ok"}
        labels = {"labels": list(tool.labels)} if tool.labels else {}
        if call.content:
            return {**done, "content": await self._content(call, tool, output, info), **labels}
        if isinstance(output, Media):
            message = f"`{call.name}`: it gave {output.media}, which only an agent can be shown: let an agent call it"
            raise _not_given(tool, message)
        return {**done, "output": output, **labels}

    async def _tool(self, call: Call) -> Tool:
        """The tool as it is here; its file may have just been written, or lie with another worker of the queue."""
        toolbox = self._reach.toolbox
        tool = toolbox.get(call.name)
        if tool is None:
            await toolbox.refresh()
            tool = toolbox.get(call.name)
        if tool is None:
            details: dict[str, object] = {"tool": call.name}
            raise failure(FailureType.GAP, f"tool `{call.name}` is not on this worker", details=details, retryable=True)
        return tool

    async def _content(self, call: Call, tool: Tool, output: object, info: activity.Info) -> dict[str, object]:
        """The output for a model. The tool has done its work: whether that may be done again, its effect says."""
        tenant = (info.workflow_id or "").partition("/")[0]
        try:
            content = await make_content(output, self._means.transcripts, tenant, self._reach.redactor)
        except BlobError as error:
            message = f"`{call.name}`: what it gave could not be kept: {error}"
            raise _not_given(tool, message, retryable=True) from None
        except Unshowable as error:
            raise _not_given(tool, f"`{call.name}`: {error}") from None
        return content.model_dump(mode="json", exclude_defaults=True)

    async def _call_model(self, call: Call, info: activity.Info, provider: str, beats: Heartbeats) -> dict[str, object]:
        reach = self._reach
        if call.args.get("alias") != call.name:
            raise policy_denied("edge.decision", f"`{call.name}`: the call is for another model than was decided")
        entry = reach.catalogue.get(call.name)
        where = await scene_of(reach.blobs, call, info)
        subject, needs = ("", ()) if entry is None else (entry.card.digest, entry.needs)
        reach.edge.check_model(call, call.name, where, subject, needs)
        await keep_approval(reach.blobs, call, where)
        if entry is not None:
            check_decided(call, "model", entry.card.digest)
        await require_vouched(reach.blobs, call, info.attempt)
        await begin(reach.blobs, call, info.workflow_run_id or "", info.attempt)
        try:
            result = await call_model(self._means, provider, call, _telling(beats, reach.redactor))
        except ApplicationError as error:
            if not error.non_retryable:
                await vouch(reach.blobs, call, info.attempt)
            raise
        return {"v": CALL_VERSION, "status": "ok", **result.model_dump(mode="json", exclude_defaults=True)}


def _read(args: Sequence[RawValue]) -> Call:
    """The call that an activity was given; a typed failure for whatever is none."""
    try:
        (raw,) = args
        call = Call.model_validate(activity.payload_converter().from_payload(raw.payload))
        if call.permit is not None or call.grants:
            refuse_twins(raw.payload.data)  # evidence is read in one way
    except (ValueError, TypeError, RuntimeError) as error:  # whatever converters and pydantic find wrong
        message = "the activity's argument is not a call: only our own workflow may schedule this activity"
        raise failure(FailureType.INVALID_VALUE, f"{message} ({type(error).__name__})") from None
    if call.v > CALL_VERSION:
        message = f"`{call.name}`: the call is of version {call.v}, and this worker knows {CALL_VERSION}: update it"
        raise failure(FailureType.INVALID_VALUE, message)
    return call


def _not_given(tool: Tool, message: str, *, retryable: bool = False) -> ApplicationError:
    """The failure of a call whose tool did its work, where nobody can have what it gave."""
    if tool.effect is Effect.ONCE:
        return uncertain(f"{message}; it was done")
    return tool_failed(message, retryable=retryable)


def _telling(beats: Heartbeats, redactor: Redactor) -> Progress:
    """Progress as the details of heartbeats: `{text, chars}`, and `tool` while a tool call is being written."""

    def tell(tail: str, chars: int, /, *, tool: str | None = None) -> None:
        more = {} if tool is None else {"tool": redactor.excerpt(tool)}
        beats.say(text=redactor.excerpt(tail), chars=chars, **more)

    return tell


def _from_any_thread(beats: Heartbeats) -> Callable[..., None]:
    """What tools beat with: their details become `progress`."""
    loop, context = asyncio.get_running_loop(), contextvars.copy_context()

    def beat(*details: object) -> None:
        loop.call_soon_threadsafe(lambda: beats.say(progress=list(details)), context=context)

    return beat
