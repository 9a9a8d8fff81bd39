"""Execution records read back from JSON lines, with all their values at hand."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from activities.blobs_places import open_blobs
from activities.bounded_file import read_at_most
from activities.ports import BlobError
from cli.exits import CommandError, Exit, invalid
from cli.replaying import MAX_BYTES
from worker.settings import blobs_place
from workflows.contracts.conversation import Ref
from workflows.contracts.records import LifetimeRecord, PlanExecution, TaskExecution

if TYPE_CHECKING:
    from workflows.contracts.records import Kept, Record

KIND = "InvalidEnvelopes"
_RECORDS: dict[object, TypeAdapter[Record]] = {
    kind: TypeAdapter(model)
    for kind, model in (("run", LifetimeRecord), ("task", TaskExecution), ("plan", PlanExecution))
}


@dataclass(slots=True)
class Envelopes:
    """A run's records, all of them. `values` holds what lies in the blob store, by digest."""

    lifetime: LifetimeRecord
    executions: list[TaskExecution | PlanExecution]
    values: dict[str, object] = field(default_factory=dict)

    def value(self, kept: Kept | None) -> object:
        """What a record holds or refers to; null for nothing."""
        if kept is None:
            return None
        return self.values[kept.digest] if isinstance(kept, Ref) else kept.inline


def read_envelopes(file: str) -> Envelopes:
    """What `detent records RUN` printed; exit 7 for anything that is not all of it."""
    found = [_record(file, number, text) for number, text in enumerate(_lines(file), 1) if text.strip()]
    runs = [record for record in found if isinstance(record, LifetimeRecord)]
    if len(runs) != 1:
        message = (
            f"`{file}` has {len(runs)} lines of kind `run`, and one is needed: `detent records RUN` prints it first"
        )
        raise invalid(message, kind=KIND)
    executions = [record for record in found if not isinstance(record, LifetimeRecord)]
    _check_whole(file, runs[0], executions)
    return Envelopes(runs[0], executions)


async def fetch_values(envelopes: Envelopes) -> int:
    """Get from the blob store what stands by reference, verified; how many values that were."""
    store = open_blobs(blobs_place(os.environ))
    tenant = envelopes.lifetime.tenant
    kept = [envelopes.lifetime.input, envelopes.lifetime.output, *(one.result for one in envelopes.executions)]
    refs = [one for one in kept if isinstance(one, Ref)]
    for ref in refs:
        if ref.uri != f"blob:{tenant}/{ref.digest}":
            raise invalid(
                f"`{ref.uri}` is no blob of tenant `{tenant}` with the digest that stands beside it", kind=KIND
            )
        try:
            data = await store.get(ref.digest, tenant)
        except BlobError as error:
            raise CommandError(
                "BlobError", f"{error}; is DETENT_BLOBS where the records were made?", Exit.FAILED
            ) from error
        if hashlib.sha256(data).hexdigest() != ref.digest:
            raise CommandError("BlobError", f"what lies under `{ref.uri}` is something else", Exit.FAILED)
        envelopes.values[ref.digest] = json.loads(data)
    return len(refs)


def _lines(file: str) -> list[str]:
    try:
        data = read_at_most(Path(file), MAX_BYTES)
        return data.decode().split("\n")
    except OSError as error:
        raise invalid(f"cannot read `{file}`: {(error.strerror or str(error)).lower()}", kind="FileError") from error
    except UnicodeDecodeError as error:
        raise invalid(f"`{file}` is not UTF-8", kind=KIND) from error


def _record(file: str, number: int, text: str) -> Record:
    try:
        data = json.loads(text)
        kind = data.get("kind") if isinstance(data, dict) else None
        if not isinstance(kind, str) or kind not in _RECORDS:
            raise invalid(f"`{file}`, line {number}: kind `{kind}` is none of `run`, `task` and `plan`", kind=KIND)
        return _RECORDS[kind].validate_python(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise invalid(f"`{file}`, line {number}: `{place}`: {first['msg'].lower()}", kind=KIND) from error
    except (ValueError, RecursionError) as error:
        raise invalid(f"`{file}`, line {number} is not JSON: {error}", kind=KIND) from error


def _check_whole(file: str, lifetime: LifetimeRecord, executions: list[TaskExecution | PlanExecution]) -> None:
    """Refuse what cannot be replayed because something is missing: it would look like a difference."""
    if not lifetime.whole:
        message = "its first executions are gone, and with them what the run remembered when it was carried over"
        raise invalid(f"`{file}` does not reach back to the run's beginning: {message}", kind=KIND)
    ended = sorted(one.ended_seq for one in executions if one.ended_seq is not None)
    ids = {one.activation for one in executions}
    if len(executions) != lifetime.executions or len(ids) != len(executions) or ended != list(range(1, len(ended) + 1)):
        message = f"the run has {lifetime.executions} executions, and {len(ids)} stand here"
        raise invalid(f"`{file}` is not whole: {message}: `detent records RUN` without `--kind` prints all", kind=KIND)
    strange = next((one for one in executions if one.lifetime_id != lifetime.lifetime_id), None)
    if strange is not None:
        raise invalid(f"`{file}` has executions of `{strange.lifetime_id}` and of `{lifetime.lifetime_id}`", kind=KIND)
