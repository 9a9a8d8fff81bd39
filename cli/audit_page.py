"""The page that says what an audit holds, made from the engine's own table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.engine.audit_records import BESIDE, HEAD, KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

INTRODUCTION = """\
# The audit

<!-- Made by `make generate` from `workflows/engine/audit_records.py`; a test compares. Do not edit. -->

Every run keeps a chain of records of what was decided and by whom. A record's digest is SHA-256 over
`detent.audit.v1` and a zero byte, then its canonical JSON (RFC 8785). The next record holds it as `prev`; the digest of
the last record is the *head*. Records hold digests of arguments and results, never values or secrets.

The chain is a pure function of a run's history: whoever has the history replays it and has the chain. What is
stored is the head alone: its first 16 digits in the input of every call, the whole of it in a carry, in the memo
(`detent_audit`) when a pause opens and when a run that was paused ends, and in the result (`audit`).

- `detent audit export RUN` prints the records, one JSON object a line, with the digest of each and the event of history
  that it comes from.
- `detent audit verify HISTORY...` replays histories offline and compares: the chain with every head in them, and
  what the run asked Temporal for (calls, timers, memos, search attributes, receipts of updates, carries, the result)
  with what is recorded of that. It exits 5 and names the first event and the records that disagree.

What no comparison inside a history can find is a tail that was cut off after its last call, or another history that
agrees with itself. For these keep a head elsewhere (`--head`; every `RunView` has it), or have workers sign them:
`audit: {sign: true}` in the policy, and an Ed25519 key in `DETENT_AUDIT_KEY` or the file `DETENT_AUDIT_KEY_FILE` (mode
0600; `openssl rand -base64 32` makes one, `detent doctor` prints its public half for `--key`). A worker without the
key does not start under such a policy. A signature is over `detent.audit.head.v1`, a zero byte and the canonical JSON
of {namespace, workflow_id, first_run_id, seq, head}. It is made at pauses and at the end, and stands beside the head.

Not covered are what Temporal adds on its way (identities, headers, summaries, attempts of a call that were repeated)
and times, which a replay does not give back to the millisecond (ADR 0015); they stand beside the records. A history
is verified with the version that recorded it, or a later one that still replays it.
"""


def audit_page() -> str:
    """The whole page."""
    parts = [INTRODUCTION, "## Every record\n", *_table(HEAD), "", "## Beside a record\n", *_table(BESIDE), ""]
    for kind, fields in KINDS.items():
        parts += [f"## `{kind}`\n", *_table(fields), ""]
    return "\n".join(parts)


def _table(fields: Mapping[str, str]) -> Iterator[str]:
    yield "| field | what it says |"
    yield "|---|---|"
    for name, words in fields.items():
        yield f"| `{name}` | {words.replace('|', chr(92) + '|')} |"
