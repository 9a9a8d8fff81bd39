"""Whether a run's histories are what happened: the audit chain made again and held against every head in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cli.comparing import difference, pairs, value_of
from cli.exits import invalid
from cli.heads import head_of, told_heads
from cli.recording import watch
from workflows.contracts.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Sequence

    from temporalio.client import WorkflowHistory

    from cli.comparing import Pair
    from cli.heads import Head
    from cli.recording import Recorded, Tape

CLOSING = frozenset(
    f"workflow_execution_{end}_event_attributes"
    for end in ("completed", "failed", "canceled", "terminated", "timed_out")
)
CARRYING = "workflow_execution_continued_as_new_event_attributes"


class AuditProblem(Wire):
    """One thing in a history that is not what happened; `event` null where a whole history is meant.

    `records` are the first and the last audit record in question, where the chain says so.
    """

    file: str
    event: int | None
    records: tuple[int, int] | None = None
    message: str


class AuditReport(Wire):
    """What was found in the histories of one run.

    `begins` is the first record that they show, over 1 where earlier histories are missing; `carried` says that a
    later one is. `proven` is the last
    record that `--head` or `--key` vouches for, null where neither was given.
    """

    workflow_id: str
    first_run_id: str
    files: tuple[str, ...]
    ok: bool
    begins: int
    records: int
    head: str
    closed: bool
    carried: bool = False
    proven: int | None = None
    problems: tuple[AuditProblem, ...] = ()


@dataclass(slots=True)
class Verified:
    """One run under examination: the records of all its histories, the heads found in them, what is wrong."""

    workflow_id: str
    first_run_id: str
    files: list[str] = field(default_factory=list)
    records: list[Recorded] = field(default_factory=list)
    heads: list[Head] = field(default_factory=list)
    problems: list[AuditProblem] = field(default_factory=list)
    closed: bool = False
    carried: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A history and the file that it came from."""

    file: str
    history: WorkflowHistory

    @property
    def started(self) -> Any:  # noqa: ANN401 - a message without stubs for its fields
        """The attributes of its first event."""
        return self.history.events[0].workflow_execution_started_event_attributes

    @property
    def run_id(self) -> str:
        """The execution that it is of."""
        return str(self.started.original_execution_run_id)

    @property
    def kind_of_last(self) -> str:
        """What its last event says."""
        return self.history.events[-1].WhichOneof("attributes") or ""


def in_order(sources: Sequence[Source]) -> list[list[Source]]:
    """The histories of each run, oldest first; exit 7 where two are of one execution."""
    runs: dict[str, dict[str, Source]] = {}
    for source in sources:
        ours = runs.setdefault(source.started.first_execution_run_id, {})
        if source.run_id in ours:
            raise invalid(
                f"`{source.file}` and `{ours[source.run_id].file}` are of one execution", kind="InvalidHistory"
            )
        ours[source.run_id] = source
    return [_chain(ours) for ours in runs.values()]


def _chain(ours: dict[str, Source]) -> list[Source]:
    """Each after the one that it continues; those whose predecessor is missing keep the order in which they came."""
    after = {source.started.continued_execution_run_id: source for source in ours.values()}
    first = [source for source in ours.values() if source.started.continued_execution_run_id not in ours]
    found: list[Source] = []
    for source in first:
        following: Source | None = source
        while following is not None and following not in found:
            found.append(following)
            following = after.get(following.run_id)
    return found


async def verify(sources: Sequence[Source], namespace: str) -> Verified:
    """Examine the histories of one run, in their order."""
    run = Verified(sources[0].started.workflow_id, sources[0].started.first_execution_run_id)
    before: Source | None = None
    for source in sources:
        tape = await watch(source.history, namespace)
        if before is not None:
            _join(run, before, source)
        _examine(run, source, tape)
        before = source
    return run


def report(run: Verified) -> AuditReport:
    """What there is to say of the run, the earliest disagreement of each history first."""
    last = run.records[-1] if run.records else None
    return AuditReport(
        workflow_id=run.workflow_id,
        first_run_id=run.first_run_id,
        files=tuple(run.files),
        ok=not run.problems,
        begins=run.records[0].seq if run.records else 0,
        records=last.seq if last else 0,
        head=last.head if last else "",
        closed=run.closed,
        carried=run.carried,
        problems=tuple(run.problems),
    )


def _examine(run: Verified, source: Source, tape: Tape) -> None:
    """Hold one history against its replay. One cause has many effects: the first disagreement is named."""
    run.files.append(source.file)
    _link(run, source, tape)
    run.records += tape.records
    run.closed = source.kind_of_last in CLOSING
    run.carried = source.kind_of_last == CARRYING
    run.heads += told_heads(source.history.events, source.file)
    problem = _first_disagreement(source, tape)
    if problem is None and tape.failure is not None:
        message = f"a run does not do what is recorded here: {tape.failure.message[:300]}"
        problem = AuditProblem(file=source.file, event=tape.failure.event_id, message=message)
    if problem is not None:
        run.problems.append(problem)


def _first_disagreement(source: Source, tape: Tape) -> AuditProblem | None:
    """The first of the run's commands that is recorded otherwise, up to where the replay itself gave up."""
    failed_at = tape.failure.event_id if tape.failure is not None else None
    agreed: Pair | None = None
    compared = [pair for pair in pairs(source.history, tape) if failed_at is None or pair.event < failed_at]
    for number, pair in enumerate(compared):
        place = difference(pair.recorded, pair.made)
        if place is not None:
            return _disagreement(source.file, pair, place, _Around(agreed, compared[number + 1 :], tape))
        agreed = pair if head_of(pair.recorded) else agreed
    return None


@dataclass(frozen=True, slots=True)
class _Around:
    """What there is about a pair that disagrees: the last that agreed and stated a head, and those after it."""

    agreed: Pair | None
    later: Sequence[Pair]
    tape: Tape

    def seq_of(self, pair: Pair | None) -> int:
        """The record whose digest the replay has as head at a pair; the one before the first where there is none."""
        head = head_of(pair.made) if pair is not None else None
        found = [record.seq for record in self.tape.records if head is not None and record.head.startswith(head)]
        records = self.tape.records
        return found[0] if found else records[0].seq - 1 if records else 0


def _disagreement(file: str, pair: Pair, place: str, around: _Around) -> AuditProblem:
    """Words for the first pair that differs: where its head does, too, it may be something before it."""
    recorded, made = head_of(pair.recorded), head_of(pair.made)
    if recorded is None or made is None or recorded == made or _later_agree(around.later):
        message = f"{pair.what} is not what the run asked for: it differs at `{place}`"
        return AuditProblem(file=file, event=pair.event, message=message)
    after = 0 if around.agreed is None else around.agreed.event
    first, last = around.seq_of(around.agreed) + 1, around.seq_of(pair)
    message = (
        f"{pair.what} holds another head of the audit than the events before it give: "
        f"something in events {after + 1} to {pair.event} was changed, removed, put in or moved"
    )
    return AuditProblem(file=file, event=pair.event, records=(first, max(first, last)), message=message)


def _later_agree(later: Sequence[Pair]) -> bool:
    """Whether the next head after a wrong one is right again: then nothing but that one was changed."""
    stated = next((pair for pair in later if head_of(pair.recorded)), None)
    return stated is not None and head_of(stated.recorded) == head_of(stated.made)


def _link(run: Verified, source: Source, tape: Tape) -> None:
    """The first record of this history goes on from the last one of the history before."""
    if not run.records or not tape.records:
        return
    last, first = run.records[-1], tape.records[0]
    if first.record["prev"] != last.head:
        message = f"its first record, {first.seq}, does not follow record {last.seq} of the history before"
        span = (last.seq, max(last.seq, first.seq))
        run.problems.append(AuditProblem(file=source.file, event=1, records=span, message=message))


def _join(run: Verified, before: Source, source: Source) -> None:
    """A history begins with what the one before it handed over."""
    last = before.history.events[-1]
    handed = last.workflow_execution_continued_as_new_event_attributes
    if handed.new_execution_run_id != source.run_id:
        message = f"it does not follow `{before.file}`: a history between them is missing, or one is cut short"
        run.problems.append(AuditProblem(file=source.file, event=1, message=message))
        return
    one, other = [value_of(p) for p in handed.input.payloads], [value_of(p) for p in source.started.input.payloads]
    place = difference(one, other)
    if place is not None:
        message = f"it does not begin with what `{before.file}` handed over: they differ at `{place}`"
        run.problems.append(AuditProblem(file=source.file, event=1, message=message))
