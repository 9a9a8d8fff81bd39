"""The written form of what a run knows in a decision case: its standings, what it has met, what came of the call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from policies.budget import Limits
from policies.case_fields import UNIT_WORDS, fields_of
from policies.loop_guard import RECENT, LoopState
from policies.model import Counts, Facts, Last, Outcome, Request, Seen, Standing

if TYPE_CHECKING:
    from policies.case_fields import Fields
    from policies.reading import Reader
    from policies.tenant import TenantPolicy

FACTS = (
    "namespace", "execution", "lifetime", "tenant", "lease", "tenant_refused", "counts", "tenant_counts", "seen",
    "last", "rungs", "loop",
)  # fmt: skip
COUNTS = ("elapsed_s", "age_s", "depth", "failures", "denials")
LISTS = ("tools", "kinds", "effects", "labels", "hosts", "nodes")
LAST = ("kind", "name", "node", "status")
LOOP = ("calls", "results", "total", "recent")
AFTER = ("tokens_used", "cost_usd", "latency_ms", "status")
RUNGS = ("warn", "downshift", "ask", "stop")
PLACES = tuple(f"{scope}.{word}" for scope in ("lifetime", "tenant") for word in UNIT_WORDS)
THIS = "this"
"""What stands for the call itself in the list of recent calls."""


def read_facts(reader: Reader, value: object, path: str, policy: TenantPolicy, request: Request) -> Facts:
    """The facts of a case; limits of the execution and the run that it does not give are those of the policy."""
    found = fields_of(reader, value, path, FACTS)
    return Facts(
        namespace=found.text("namespace", "default"),
        execution=found.standing("execution", policy.execution),
        lifetime=found.standing("lifetime", policy.lifetime),
        tenant=_optional(found, "tenant"),
        lease=_optional(found, "lease"),
        tenant_refused=found.text("tenant_refused", "") or None,
        lifetime_counts=_counts(found.inner("counts", COUNTS)),
        tenant_counts=_counts(found.inner("tenant_counts", COUNTS)),
        seen=_seen(found.inner("seen", (*LISTS, "counts"))),
        last=_last(found.inner("last", LAST)),
        rungs=_rungs(found.inner("rungs", PLACES)),
        loop=_loop(found.inner("loop", LOOP), request) if "loop" in found.values else None,
    )


def read_outcome(reader: Reader, value: object, path: str) -> Outcome:
    """What a call came to."""
    found = fields_of(reader, value, path, AFTER)
    status = cast("Literal['ok', 'failed']", found.choice("status", ("ok", "failed"), "ok"))
    return Outcome(found.number("tokens_used"), found.usd("cost_usd"), found.number("latency_ms"), status)


def _optional(found: Fields, scope: str) -> Standing | None:
    return found.standing(scope, Limits()) if found.values.get(scope) is not None else None


def _counts(found: Fields) -> Counts:
    elapsed, age, *others = (found.number(word) for word in COUNTS)
    return Counts(elapsed * 1000, age * 1000, *others)


def _seen(found: Fields) -> Seen:
    tools, kinds, effects, labels, hosts, nodes = (tuple(sorted(found.texts(word))) for word in LISTS)
    return Seen(tools, kinds, effects, labels, hosts, nodes, found.counts("counts"))


def _last(found: Fields) -> Last:
    return Last(*(found.text(word, "") for word in LAST))


def _rungs(found: Fields) -> dict[str, str]:
    return {place: found.choice(place, RUNGS, "warn") for place in found.values}


def _loop(found: Fields, request: Request) -> LoopState:
    """`calls` and `results` are of this very call, `total` of its node; `recent` names calls, `this` being itself."""
    recent = [request.fingerprint if name == THIS else name for name in found.texts("recent")][-RECENT:]
    counted = {
        "calls": (request.fingerprint, found.number("calls")),
        "results": (f"{request.fingerprint} result", found.number("results")),
        "total": (request.node, found.number("total")),
    }
    calls, results, totals = ({key: count} if count else {} for key, count in counted.values())
    return LoopState(recent, calls, results, totals)
