"""What seals cost: microseconds for a call that is sealed and checked, and for an admission."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median

from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from activities.seal import SealKeys, activity_claim, admission_claim, digest_of, digest_of_payloads
from benchmarks.figures import Figure, Result, report
from benchmarks.ground import chain
from worker.connect import leave
from worker.readable_payloads import ReadablePayloadConverter

ROUNDS, CALLS = 30, 500
CALL: dict[str, object] = {
    "v": 1,
    "name": "fs.read",
    "args": {"path": "notes.txt"},
    "activation": "read1#1",
    "index": 1,
    "node": "read1",
    "key": "0" * 64,
    "decision": {"verdict": "allow", "rules": ["allow"], "policy": "0" * 16, "digest": "0" * 16},
    "audit": "0" * 16,
}
KEYS = SealKeys(bytes(32), bytes(range(32)))
CONVERTER = ReadablePayloadConverter()


def micros(work: Callable[[], object]) -> float:
    """Median microseconds of one call."""
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for _ in range(CALLS):
            work()
        times.append((time.perf_counter() - begun) / CALLS * 1e6)
    return median(times)


def claim_of(payloads: list[Payload]) -> dict[str, object]:
    """The claim of a call, as worker and workflow make it."""
    return activity_claim(
        namespace="default",
        workflow_id="default/chain/0123abcd",
        run_id="01a1fdde-24b4-7813-b698-48be70a65afa",
        activity_id="read1#1:1@0123456789ab",
        activity="fs.read",
        given=digest_of_payloads(payloads),
    )


def measure() -> Result:
    """The parts of `worker.sealing` and `worker.seal_gate` that are there because of the seal."""
    result = Result("seal")
    payloads = CONVERTER.to_payloads([CALL])
    seal = KEYS.seal("activity", claim_of(payloads))
    request = {"v": 1, "run": {"v": 1, "graph": chain(10), "input": None}, "run_id": "r", "first_run_id": "r"}
    card = {"v": 1, "policy": {"allow": [{"tool": [f"t{number}"]} for number in range(100)]}, "tools": {"a": CALL}}
    header = Payload(metadata={"encoding": b"binary/plain"}, data=seal)
    result.figures += [
        Figure("seal a call", micros(lambda: KEYS.seal("activity", claim_of(payloads))), "µs"),
        Figure("check a call's seal", micros(lambda: KEYS.holds("activity", claim_of(payloads), seal)), "µs"),
        Figure("convert its argument (made once either way)", micros(lambda: CONVERTER.to_payloads([CALL])), "µs"),
        Figure("pass it on", micros(lambda: CONVERTER.to_payloads([RawValue(payloads[0])])), "µs"),
        Figure(
            "seal or check an admission",
            micros(
                lambda: KEYS.seal(
                    "admission",
                    admission_claim(namespace="n", workflow_id="w", request=digest_of(request), result=card),
                )
            ),
            "µs",
        ),
        Figure("header in the history of a call", float(len(header.SerializeToString()) + len("detent-seal") + 6), "B"),
    ]
    return result


def main() -> int:
    """Measure and report."""
    return report(measure())


if __name__ == "__main__":
    sys.stdout.flush()
    leave(main())
