"""A run's history as a file that needs nothing else: large payloads, kept elsewhere, are put back in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio.converter import StorageDriverClaim, StorageDriverRetrieveContext

from activities.ports import BlobError
from activities.stored_payloads import payloads, reference_of
from cli.exits import CommandError, Exit

if TYPE_CHECKING:
    from temporalio.api.common.v1 import Payload
    from temporalio.api.sdk.v1 import ExternalStorageReference
    from temporalio.client import WorkflowHistory
    from temporalio.converter import DataConverter


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


def _reference(payload: Payload) -> ExternalStorageReference | None:
    try:
        return reference_of(payload)
    except BlobError as error:
        raise CommandError("BlobError", str(error), Exit.FAILED) from error


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
