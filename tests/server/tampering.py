"""What somebody could do to an exported history."""

from __future__ import annotations

import base64
import copy
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

History = dict[str, Any]


def events(history: History, attributes: str) -> list[dict[str, Any]]:
    """The events that have these attributes."""
    return [event for event in history["events"] if attributes in event]


def rewrite(history: History, attributes: str, old: str, new: str, at: int = 0) -> History:
    """Change the text of a payload of one event, wherever in it the payload lies."""
    changed = copy.deepcopy(history)
    event = events(changed, attributes)[at]
    done = [_replace(payload, old, new) for payload in _payloads(event)]
    assert any(done), f"`{old}` is not in {attributes} {at}"
    return changed


def _replace(payload: dict[str, Any], old: str, new: str) -> bool:
    text = base64.b64decode(payload["data"]).decode()
    payload["data"] = base64.b64encode(text.replace(old, new, 1).encode()).decode()
    return old in text


def _payloads(value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        for item in value:
            yield from _payloads(item)
    elif isinstance(value, dict):
        if "metadata" in value and "data" in value:
            if base64.b64decode(value["metadata"].get("encoding", "")) == b"json/plain":
                yield value  # and no seal, which is no text
        else:
            for item in value.values():
                yield from _payloads(item)


def texts(history: History) -> list[str]:
    """What all payloads say."""
    return [base64.b64decode(payload["data"]).decode(errors="replace") for payload in _payloads(history)]


def without(history: History, dropped: Callable[[dict[str, Any]], bool]) -> History:
    """Take events out and number the rest anew, references too."""
    kept = [copy.deepcopy(event) for event in history["events"] if not dropped(event)]
    assert len(kept) < len(history["events"])
    return renumbered(kept)


def renumbered(kept: list[dict[str, Any]]) -> History:
    """Events under new numbers, so that they look whole."""
    ids = {event["eventId"]: str(place) for place, event in enumerate(kept, start=1)}
    for event in kept:
        _point(event, ids)
    return {"events": kept}


def _point(value: Any, ids: dict[str, str]) -> None:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        for name, item in value.items():
            if name == "eventId" or name.endswith("EventId"):
                value[name] = ids.get(item, item)
            else:
                _point(item, ids)
    elif isinstance(value, list):
        for item in value:
            _point(item, ids)


def cut(history: History, before: str, at: int = -1) -> History:
    """The history up to the task before an event of this kind, as if no more had happened."""
    place = history["events"].index(events(history, before)[at])
    tasks = [
        number
        for number, event in enumerate(history["events"][:place])
        if "workflowTaskCompletedEventAttributes" in event
    ]
    return {"events": copy.deepcopy(history["events"][: tasks[-1]])}


def exchanged(history: History, attributes: str, one: int, other: int, field: str) -> History:
    """Give two events each other's field."""
    changed = copy.deepcopy(history)
    first, second = (events(changed, attributes)[place][attributes] for place in (one, other))
    assert json.dumps(first[field]) != json.dumps(second[field])
    first[field], second[field] = second[field], first[field]
    return changed


def spliced(history: History, other: History) -> History:
    """The first half of one run and the second half of another."""
    half = len(history["events"]) // 2
    return {"events": copy.deepcopy(history["events"][:half] + other["events"][half:])}
