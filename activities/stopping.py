"""Whether an activity is given up because its worker stops."""

from __future__ import annotations

from temporalio import activity


def worker_stops() -> bool:
    """True in an activity that was cancelled by its worker's end, which Temporal then repeats elsewhere."""
    if not activity.in_activity():
        return False
    details = activity.cancellation_details()
    return details is not None and details.worker_shutdown
