"""A run's history as a file that needs nothing else: large payloads, kept elsewhere, are put back in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.api.sdk.v1 import ExternalStorageReference
from temporalio.converter import StorageDriverClaim, StorageDriverRetrieveContext

from activities.ports import BlobError
from cli.exits import CommandError, Exit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message
    from temporalio.client import WorkflowHistory
    from temporalio.converter import DataConverter

MESSAGE_TYPE = ExternalStorageReference.DESCRIPTOR.full_name.encode()


async def inline(history: WorkflowHistory, converter: DataConverter) -> int:
    """Replace every reference in the history's events by what it refers to, in place; how many there were.

    A codec's encryption stays: payloads are stored as the codec left them.
    """
    found = 0
    for event in history.events:
        for payload in payloads(event):
            reference = _reference(payload)
            if reference is not None:
                payload.CopyFrom(await _retrieve(reference, converter))
                found += 1
    return found


def payloads(message: Message) -> Iterator[Payload]:
    """Every payload in a message, however deep."""
    if isinstance(message, Payload):
        yield message
        return
    for descriptor, value in message.ListFields():
        if descriptor.message_type is not None:
            for inner in _messages(descriptor, value):
                yield from payloads(inner)


def _messages(descriptor: FieldDescriptor, value: Any) -> list[Message]:  # noqa: ANN401 - protobuf gives any container
    """The messages that a field holds: one, a list of them, or the values of a map."""
    kind = descriptor.message_type
    if kind is not None and kind.GetOptions().map_entry:
        is_message = kind.fields_by_name["value"].message_type is not None
        return list(value.values()) if is_message else []
    return [value] if hasattr(value, "ListFields") else list(value)


def _reference(payload: Payload) -> ExternalStorageReference | None:
    if payload.metadata.get("messageType") != MESSAGE_TYPE:
        return None
    from google.protobuf.json_format import Parse, ParseError  # noqa: PLC0415 - few histories hold a reference

    try:
        return Parse(payload.data, ExternalStorageReference())
    except (ParseError, DecodeError) as error:
        message = "the history holds a reference to a stored payload that cannot be read"
        raise CommandError("BlobError", message, Exit.FAILED) from error


async def _retrieve(reference: ExternalStorageReference, converter: DataConverter) -> Payload:
    drivers = converter.external_storage.drivers if converter.external_storage else ()
    driver = next((one for one in drivers if one.name() == reference.driver_name), None)
    if driver is None:
        message = f"a payload is kept by storage `{reference.driver_name}`, which this command does not have"
        raise CommandError("BlobError", message, Exit.FAILED)
    claim = StorageDriverClaim(claim_data=dict(reference.claim_data))
    try:
        stored = await driver.retrieve(StorageDriverRetrieveContext(), [claim])
    except BlobError as error:
        raise CommandError("BlobError", f"{error}; is DETENT_BLOBS that of the worker?", Exit.FAILED) from error
    return stored[0]
