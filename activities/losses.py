"""What is said of content that is lost: what it was, and how to have it again."""

from __future__ import annotations

from temporalio import activity

from activities.ports import BlobDamaged, BlobError, BlobMissing


def is_lost(error: BlobError) -> bool:
    """Whether nothing but a rebuild brings it back; other errors of a store pass."""
    return isinstance(error, BlobMissing | BlobDamaged)


def lost(error: BlobError) -> str:
    """The error's words, with the command that restores what the run's history holds."""
    run = activity.info().workflow_id if activity.in_activity() else None
    return f"{error}; `detent blobs rebuild {run or 'RUN'}` restores what the run's history holds, then answer `retry`"
