"""Whoever watches a replay: told of every decision and every audit record, and never heard by the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policies.model import Decision, Facts, Outcome, Request, Review
    from policies.tenant import TenantPolicy


class Observer(Protocol):
    """What `detent audit` and `detent policy replay` put into an engine; a worker's engine has none."""

    def decided(self, call: str, policy: TenantPolicy, request: Request, facts: Facts, decision: Decision) -> None:
        """The gate has decided a call (`<activation>:<index>`), before anything follows from it."""

    def reviewed(self, call: str, request: Request, facts: Facts, outcome: Outcome, review: Review) -> None:
        """The rules that read what a call has used have spoken, before anything follows from it."""

    def recorded(self, record: Mapping[str, object], head: str, beside: Mapping[str, object]) -> None:
        """An audit record was appended, and its digest is the head now; `beside` are times, which it does not cover."""
