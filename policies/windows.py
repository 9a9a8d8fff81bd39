"""Tenant budgets: what all runs of a tenant may use together in each window of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from policies.budget import Limits

Per: TypeAlias = Literal["minute", "hour", "day", "month"]
PERIODS: tuple[Per, ...] = get_args(Per)


@dataclass(frozen=True, slots=True)
class Window:
    """Limits of one window; windows begin at whole UTC minutes, hours, days and months."""

    limits: Limits
    per: Per = "day"


TENANT = (Window(Limits(tokens=1_000_000, cost_nano=100_000_000_000, steps=1_000)),)
"""What holds where a policy says nothing (scalable-agent-framework `GuardrailPolicies`, reference row 88)."""
