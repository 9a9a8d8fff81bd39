"""What the audit says: the kinds of its records, with the fields that each may have."""

from __future__ import annotations

from collections.abc import Mapping

HEAD: Mapping[str, str] = {
    "seq": "the record's place, from 1",
    "prev": "the digest of the record before it; empty for the first of a run that has no parent",
    "kind": "one of the kinds below",
    "at_event": "how many events the run had taken in",
    "event": "the digest of the events taken in since the record before, where there were any",
}
"""What every record has."""

BESIDE: Mapping[str, str] = {
    "at_ms": "the run's time, in UTC milliseconds",
    "deadline": "of a pause: until when it waits",
    "digest": "of a pause and its answers: the digest of what was asked, which covers the deadline",
}
"""What `export` prints beside a record: times, and what is made of them, are not chained."""

_CALL = {"call": "`<activation>:<index>`", "name": "the tool or the model alias"}
_WHO = {
    "by": "who, `claimed:<id>` where nobody proved it",
    "key": "the fingerprint of the key that proved it",
}
_AMOUNT = {"tokens": "how many", "cost_nano": "nano-dollars"}

KINDS: Mapping[str, Mapping[str, str]] = {
    "admitted": {
        "engine": "the engine's number",
        "namespace": "where the run is",
        "workflow_id": "its id",
        "first_run_id": "its first execution",
        "tenant": "whose it is",
        "graph": "the graph's digest",
        "policy": "the digest of the tenant's policy",
        "sent": "the digest of what the run was started with",
        "card": "the digest of what its worker told it",
        "starter": "who started it, `signed:<id>` or `claimed:<id>`; null for nobody in particular",
        "parent": "of a child alone: {workflow_id, run_id, head} of its parent when it was started",
    },
    "decided": {
        **_CALL,
        "verdict": "what the gate said",
        "rules": "the rules that said so",
        "args": "the digest of the arguments, where the call was not made",
        "policy": "of a call that was made: the policy's digest, 16 digits",
        "digest": "of a call that was made: the decision's digest, 16 digits",
        "pause": "the pause whose answer let it pass",
    },
    "settled": {
        "call": _CALL["call"],
        **_AMOUNT,
        "status": "`ok`, `cancelled` or the type of its failure",
        "result": "the digest of its output, or of type and message of its failure",
    },
    "overrun": {"call": _CALL["call"], "beyond": "what it used beyond its reservation, by unit"},
    "guardrail": {"call": _CALL["call"], "verdict": "what the rules say of what was used", "rules": "which rules"},
    "rung": {"scope": "`<scope>.<unit>`", "rung": "the rung of the ladder that acted"},
    "warned": {"rule": "the rule that warns"},
    "pause": {
        "pause": "its id",
        "triggers": "why it is open",
        "rules": "the rules that asked",
        "call": _CALL["call"],
        "digest": "the digest of what is asked",
        "answerers": "who may answer; empty for anyone",
        "quorum": "how many must say the same",
        "deadline": "until when, in UTC milliseconds",
        "args": "the digest of the call's arguments",
        "policy": "the digest of the policy that it is asked under",
        "again": "whether it was open before, and is asked anew",
    },
    "answered": {
        "pause": "its id",
        "outcome": "what was said",
        "scope": "`once`, `run` or `tenant`",
        **_WHO,
        "answer": "the digest of the answer as it came",
        "data": "the digest of its data",
        "digest": "the digest of what was asked",
        "waits_for": "how many more people must say the same",
    },
    "refused": {"pause": "its id", "outcome": "what was said", **_WHO, "reason": "why it changed nothing"},
    "expired": {"pause": "its id", "outcome": "what silence means"},
    "escalated": {"pause": "its id", "digest": "the new digest", "answerers": "who may answer now"},
    "granted": {"capabilities": "what was granted to the run", "pause": "by which pause", **_WHO},
    "gap": {
        "gap": "what is lacking, `kind:name:digest`",
        "step": (
            "`opened`, `probe` (a worker is to look), `not_found`, `changed_again`, `provided`, `granted`, "
            "`substituted`, `without`, `declined` or `dropped` (nobody waits for it any more)"
        ),
        "source": "of one that was opened: how it was found",
        "pause": "the pause that asks for it",
        **_WHO,
        "to": "what is used instead",
        "digest": "of what was pinned: the digest of its card",
    },
    "control": {
        "control": "`pause`, `resume`, `cancel`, `steer` or `cancel_call`",
        **_WHO,
        "reason": "in their own words, as a digest",
        "allowed": "whether it was",
        "refused": "why it was not",
    },
    "repinned": {
        "policy": "the digest of the policy that holds from here",
        "was": "the digest of the one that held",
        **_WHO,
    },
    "lease": {
        "granted": "what the run holds of its tenant's budget",
        "fence": "which of its leases",
        "expires_ms": "until when",
        "refused": "why there is none",
        "settled": "what was used of it",
        "used": "what was used of it",
        "failed": "why the ledger could not take it back",
        "final": "whether it was the last",
    },
    "carried": {
        "run": "the execution before",
        "run_id": "the execution that goes on",
        "sent": "the digest of what that one was handed",
    },
    "child": {
        "workflow_id": "the child's id",
        "run_id": "its execution",
        "head": "the last head of its own audit",
        "records": "how many that has",
    },
    "ended": {"phase": "how the run ended", "error": "the type of its error"},
}
