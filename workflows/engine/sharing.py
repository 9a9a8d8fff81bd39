"""How much of a tenant's budget a run asks for at a time, and for how long."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from policies.budget import Amount, Limits
from workflows.engine.clock import seconds_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policies.budget import Ledger
    from policies.tenant import TenantPolicy
    from policies.windows import Window
    from workflows.contracts.run import RunCard
    from workflows.language.graph import Graph

UNITS = ("tokens", "cost_nano", "steps", "tool_calls")
"""What tenants have budgets of."""
SLICES = 10
"""A run that uses all of its lifetime's budget asks about so often."""
RUNS = 100
"""Where a lifetime has no limit, a slice is of the tenant's budget: for so many runs at a time."""


@lru_cache(maxsize=256)
def _windows(found: tuple[Window, ...]) -> tuple[Window, ...]:
    return tuple(window for window in found if any(getattr(window.limits, unit) is not None for unit in UNITS))


@lru_cache(maxsize=256)
def _tightest(found: tuple[Window, ...]) -> Limits:
    limits = Limits()
    for window in found:
        limits = limits.tightest(window.limits)
    return limits


def windows(policy: TenantPolicy) -> tuple[Window, ...]:
    """The tenant's budgets that limit anything; without one, no lease is ever taken."""
    return _windows(policy.windows)


def tenant_limits(policy: TenantPolicy) -> Limits:
    """The smallest limit of each unit in any window."""
    return _tightest(windows(policy))


def slice_of(policy: TenantPolicy, ledger: Ledger, need: Amount) -> Amount:
    """What to ask for: at least `need`, and a tenth of the run's own budget as far as that much is left."""
    tenant = tenant_limits(policy)
    found = {unit: _slice(unit, tenant, ledger) for unit in UNITS}
    return Amount(**{unit: max(getattr(need, unit), share) for unit, share in found.items()})


def _slice(unit: str, tenant: Limits, ledger: Ledger) -> int:
    own: int | None = getattr(ledger.limit, unit)
    if own is None:
        shared: int | None = getattr(tenant, unit)
        return 0 if shared is None else -(-shared // RUNS)
    left = own - int(getattr(ledger.used, unit)) - int(getattr(ledger.reserved, unit))
    return max(0, min(-(-own // SLICES), left))


def attempts_ms(timeout_s: float, attempts: int, pause_s: float) -> int:
    """How long a call may take with all of its attempts: until then it may use what was reserved for it."""
    return seconds_ms(timeout_s * attempts + pause_s * (attempts - 1))


def longest_ms(graph: Graph, card: RunCard, walls: Sequence[int | None]) -> int:
    """The longest that any call of the run may take, no longer than its `walls`: a lease is to outlast it."""
    offered = [tool.timeout_s for tool in card.tools.values()] + [model.timeout_s for model in card.models.values()]
    offered_s = max(offered, default=0.0)
    calls = [
        attempts_ms(
            offered_s if node.timeout_s is None else node.timeout_s, node.retry.max_attempts, node.retry.max_interval_s
        )
        for node in graph.nodes.values()
    ]
    return min([max(calls, default=0), *(wall_ms for wall_ms in walls if wall_ms is not None)])
