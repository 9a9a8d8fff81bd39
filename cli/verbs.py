"""The table of commands: what each is called, where it lives, what it does in one line.

The line stands here, too, so that `detent --help` need not load a command to print it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verb:
    """A command by its module and attribute, with the first line of its help."""

    name: str
    place: str
    help: str


VERBS: tuple[Verb, ...] = (
    Verb("demo", "cli.commands.demo:demo", "Run the example graph for real, with its own server; no keys needed."),
    Verb("dev", "cli.commands.dev:dev", "Run the embedded Temporal server and a worker until Ctrl-C."),
    Verb("worker", "cli.commands.worker:worker", "Run a worker against the configured cluster; drains on SIGTERM."),
    Verb("run", "cli.commands.run:run", "Start a run of a graph and follow it."),
    Verb("ls", "cli.commands.ls:ls", "List runs."),
    Verb("show", "cli.commands.show:show", "Show one run: its state, nodes, budget, pauses and size."),
    Verb("watch", "cli.commands.watch:watch", "Follow one run live."),
    Verb("pending", "cli.commands.pending:pending", "List open pauses, of one run or of all."),
    Verb("answer", "cli.commands.answer:answer", "Answer a pause."),
    Verb("approve", "cli.commands.answer:approve", "Approve what policy asks about."),
    Verb("deny", "cli.commands.answer:deny", "Deny what policy asks about."),
    Verb("grant", "cli.commands.answer:grant", "Grant a run the capability that it lacks, as its pause names it."),
    Verb("provide", "cli.commands.gap:provide", "Say that what a run lacks is there; a worker looks."),
    Verb("gap", "cli.commands.gap:gap", "What a run lacks."),
    Verb("pause", "cli.commands.control:pause", "Hold a run at the next safe point."),
    Verb("resume", "cli.commands.control:resume", "Lift a hold that `detent pause` made."),
    Verb("cancel", "cli.commands.control:cancel", "Cancel a run."),
    Verb("repin", "cli.commands.control:repin", "Put a run under the policy that its workers have now; always signed."),
    Verb("steer", "cli.commands.control:steer", "Tell an agent something while it works."),
    Verb("cancel-call", "cli.commands.control:cancel_call", "Give up one call in flight that changes nothing."),
    Verb("history", "cli.commands.history:history", "Export a run's history, whole, for `detent replay`."),
    Verb("replay", "cli.commands.replay:replay", "Replay histories offline: does this code still agree with them?"),
    Verb("records", "cli.commands.records:records", "Print what a run executed as JSON lines, open or closed."),
    Verb("audit", "cli.commands.audit:audit", "What was decided and by whom, chained so that it proves itself."),
    Verb("cost", "cli.commands.cost:cost", "What runs may use, have used and hold: tokens and money."),
    Verb("graph", "cli.commands.graph:graph", "Check and draw graphs."),
    Verb("policy", "cli.commands.policy:policy", "Check, test and explain policies."),
    Verb("blobs", "cli.commands.blobs:blobs", "Large values and conversations: what is kept, and for how long."),
    Verb("keys", "cli.commands.keys:keys", "The private keys that people sign with."),
    Verb("approvals", "cli.commands.approvals:approvals", "What was approved for all runs of a tenant."),
    Verb("tools", "cli.commands.tools:tools", "The tools that a worker here has."),
    Verb("skills", "cli.commands.skills:skills", "The skills that agents here can read."),
    Verb("models", "cli.commands.models:models", "The models that a worker here has."),
    Verb("new", "cli.commands.new:new", "Make a graph, a policy or a tool that runs as it is, to be changed."),
    Verb("doctor", "cli.commands.doctor:doctor", "Check that everything is in place."),
)

LATER: frozenset[str] = frozenset(
    {
        "fork",
        "migrate",
        "rewind",
    }
)
