"""The payloads of recorded messages, and those of them that lie in the blob store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.api.sdk.v1 import ExternalStorageReference

from activities.ports import BlobError

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

MESSAGE_TYPE = ExternalStorageReference.DESCRIPTOR.full_name.encode()


def payloads(message: Message) -> Iterator[Payload]:
    """Every payload in a message, however deep."""
    if isinstance(message, Payload):
        yield message
        return
    for descriptor, value in message.ListFields():
        if descriptor.message_type is not None:
            for inner in _messages(descriptor, value):
                yield from payloads(inner)


def reference_of(payload: Payload) -> ExternalStorageReference | None:
    """Where the payload is, if it is kept elsewhere; `BlobError` for a reference that cannot be read."""
    if payload.metadata.get("messageType") != MESSAGE_TYPE:
        return None
    from google.protobuf.json_format import Parse, ParseError  # noqa: PLC0415 - few histories hold a reference

    try:
        return Parse(payload.data, ExternalStorageReference())
    except (ParseError, DecodeError) as error:
        raise BlobError("the history holds a reference to a stored payload that cannot be read") from error


def _messages(descriptor: FieldDescriptor, value: Any) -> list[Message]:  # noqa: ANN401 - protobuf gives any container
    """The messages that a field holds: one, a list of them, or the values of a map."""
    kind = descriptor.message_type
    if kind is not None and kind.GetOptions().map_entry:
        is_message = kind.fields_by_name["value"].message_type is not None
        return list(value.values()) if is_message else []
    return [value] if hasattr(value, "ListFields") else list(value)
