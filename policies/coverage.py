"""Whether a call is the one that people were asked about, or one that their answer covers."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from policies.canonical import canonical
from policies.grants import Capability, covers
from policies.model import Risk

if TYPE_CHECKING:
    from collections.abc import Mapping

_LEVELS = [risk.value for risk in Risk]
_FIELDS = ("name", "tool_digest", "args_digest", "args_bytes", "capabilities", "effect", "risk", "model")
_GATES = ("max_tokens", "reserved_tokens", "reserved_nano")
"""Arguments of a model call that the gate sets, and may lower once the call was answered."""


def measured(args: Mapping[str, object], *, model: bool) -> tuple[str, int]:
    """Digest (64 hex digits) and size in bytes of a call's arguments, as the question about it has them.

    Of a model call without the bounds that the gate sets: it may lower them after the answer.
    """
    data = canonical({key: value for key, value in args.items() if key not in _GATES} if model else args)
    return hashlib.sha256(data).hexdigest(), len(data)


def same_call(asked: Mapping[str, object], call: Mapping[str, object]) -> str | None:
    """Why a call is not the one that was asked about; null when it is. Both have the fields of an asked call."""
    others = [_difference(one, call) for one in calls_of(asked)]
    if None in others:
        return None
    what = others[0] if others else "no call"
    return f"the call is not the one that was asked about: {what} is another" if others else "it was asked of no call"


def covered_by(asked: Mapping[str, object], call: Mapping[str, object], *, policy_digest: str | None) -> str | None:
    """Why an approval of what was asked does not extend to a call; null when it does.

    It does to the same tool with no more capabilities and no more risk, under the policy with this digest (null:
    under any).
    """
    if policy_digest is not None and asked.get("policy_digest") != policy_digest:
        return "the approval was given under another policy"
    reasons = [_excess(one, call) for one in calls_of(asked)]
    if None in reasons:
        return None
    return next(iter(reasons), "the approval is of no call")


def calls_of(asked: Mapping[str, object]) -> list[Mapping[str, object]]:
    """The calls that people were asked about."""
    calls = asked.get("calls")
    return [one for one in calls if isinstance(one, dict)] if isinstance(calls, list) else []


def capabilities_of(listed: object) -> list[Capability]:
    """Capabilities from a list of their texts; only a pattern holds colons beyond the first."""
    texts = [text for text in listed if isinstance(text, str)] if isinstance(listed, list | tuple) else []
    return [Capability(kind, pattern) for kind, _, pattern in (text.partition(":") for text in texts)]


def _difference(one: Mapping[str, object], call: Mapping[str, object]) -> str | None:
    for name in _FIELDS:
        mine, theirs = one.get(name), call.get(name)
        if _plain(mine) != _plain(theirs):
            return f"`{name}`"
    return None


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _excess(one: Mapping[str, object], call: Mapping[str, object]) -> str | None:
    if any(one.get(name) != call.get(name) for name in ("name", "tool_digest", "model")):
        return "the approval is of another tool"
    if _level(call.get("risk"), len(_LEVELS)) > _level(one.get("risk"), -1):
        return "the call is of higher risk than the approved one"
    approved = capabilities_of(one.get("capabilities"))
    for needed in capabilities_of(call.get("capabilities")):
        if not any(covers(grant, needed) for grant in approved):
            return f"the approved call did not need `{needed}`"
    return None


def _level(risk: object, unknown: int) -> int:
    return _LEVELS.index(risk) if risk in _LEVELS else unknown
