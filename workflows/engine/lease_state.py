"""What a run remembers of its share of the tenant's budget."""

from __future__ import annotations

from dataclasses import dataclass, field

from policies.budget import NOTHING, Amount


@dataclass(slots=True)
class LeaseState:
    """What the run holds of its tenant's budget: `granted` beyond its use `known`, until `expires_ms` (0: nothing).

    `known` is how much of the run's use the ledger has counted, `telling` how much it is being told of just now.
    `fence` counts what the ledger was asked, `limit` and `spent` are the tenant's own as the ledger said last.
    `asked` and `settling`: a reply is awaited. `refused` is why the ledger gives no more, until the calls that wait
    have been decided. `trouble` is why the run waits, until `again_ms`, for the `tries`-th time. `heard` is the number
    of the event in which the ledger answered last.
    """

    granted: Amount = NOTHING
    expires_ms: int = 0
    fence: int = 0
    known: Amount = NOTHING
    telling: Amount = NOTHING
    limit: dict[str, int] = field(default_factory=dict)
    spent: Amount = NOTHING
    asked: bool = False
    settling: bool = False
    refused: str | None = None
    trouble: str | None = None
    again_ms: int | None = None
    tries: int = 0
    heard: int = 0

    @property
    def awaited(self) -> bool:
        """Whether something will come by itself that decides the calls that wait for a lease."""
        return self.asked or self.settling or self.again_ms is not None
