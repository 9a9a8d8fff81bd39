"""`detent policy`: check a policy, run its cases, explain what it says of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from cli.commands.policy_replay import replay
from cli.context import Session, global_options, pass_session
from cli.exits import Exit, invalid, usage
from cli.groups import SubGroup
from cli.options import WorkerOptions, tools_option
from cli.payload import json_value
from cli.policies import Hypothesis, advisory_tenants, explain_call, read_cases, read_policy
from cli.recorded_calls import Wanted, explained
from cli.render.problems import problem_lines, problem_object
from cli.render.screen import show
from cli.render.text import line
from policies.advice import advice
from policies.errors import DocumentError
from policies.policy_schema import schema as policy_schema

if TYPE_CHECKING:
    from pathlib import Path

    from cli.recording import Decided
    from policies.cases import CaseResult
    from policies.explain import StageRow
    from policies.model import Decision

STYLES = {"allow": "green", "modify": "yellow", "wait": "yellow", "ask": "yellow"}
SHARED = "tenants are advisory: {names} share namespace `{namespace}`, and whoever reaches it may pick either"


@click.group(cls=SubGroup)
@global_options
def policy() -> None:
    """Check, test and explain policies."""


policy.add_command(replay)


@policy.command()
@click.argument("file", metavar="FILE")
@global_options
@pass_session
def check(session: Session, file: str) -> int:
    """Check a policy file; exits 7 and names every problem with its place if it cannot be used."""
    try:
        found = read_policy(file)
    except DocumentError as error:
        if session.as_json:
            session.print_json([problem_object(problem) for problem in error.problems])
        else:
            for text in problem_lines(error.problems):
                session.answer(text)
        return Exit.INVALID
    for namespace, tenants in advisory_tenants(found):
        shared = " and ".join(f"`{line(name)}`" for name in tenants)
        session.note(f"warning: {SHARED.format(names=shared, namespace=line(namespace))}")
    for told in advice(found):
        session.note(f"warning: {line(told)}")
    for name, tenant in found.tenants.items():
        session.note(f"tenant {line(name)}  digest {tenant.digest}")
    if session.as_json:
        session.print_json([])
    else:
        names = ", ".join(line(name) for name in found.tenants)
        session.answer(f"ok  {line(found.name)}  tenants {names}  digest {found.digest[:16]}")
    return Exit.OK


@policy.command()
@global_options
@pass_session
def schema(session: Session) -> None:
    """Print the JSON Schema of policies, for editors; `policy check` says more and has the last word."""
    session.print_json(policy_schema())


@policy.command()
@click.argument("files", metavar="CASES...", nargs=-1, required=True)
@click.option(
    "--policy", "policy_file", metavar="FILE", help="The policy for cases that bring none (default: built in)."
)
@tools_option
@global_options
@pass_session
def test(session: Session, files: tuple[str, ...], policy_file: str | None, tools: tuple[Path, ...]) -> int:
    """Run decision cases: {name, policy?, request, facts, want: {verdict, reasons}}; exits 5 when one disagrees.

    A request may name one of the tools that are here: {tool: NAME, args: {...}}.
    """
    shared = read_policy(policy_file)
    results = [result for file in files for result in read_cases(file, shared, _worker(tools))]
    if session.as_json:
        session.print_json([_result_object(result) for result in results])
    else:
        show(*map(_result_line, results))
        failed = sum(not result.passed for result in results)
        session.note(f"{len(results)} cases, {failed} disagree" if failed else f"{len(results)} cases agree")
    return Exit.OK if all(result.passed for result in results) else Exit.FAILED


@policy.command()
@click.argument("call", metavar="[CALL]", required=False)
@click.option("--args", "args_text", metavar="JSON|@FILE", help="The arguments of the call.")
@click.option("--policy", "policy_file", metavar="FILE", help="The policy (default: built in).")
@click.option("--tenant", default="default", show_default=True, help="Whose slice of it.")
@click.option("--namespace", default="default", show_default=True, help="The Temporal namespace of the run.")
@click.option("--model", "is_model", is_flag=True, help="CALL is a model alias, not a tool.")
@click.option("--history", metavar="FILE", help="Explain what was decided in this history, by the policy of then.")
@click.option("--event", type=click.IntRange(1), metavar="N", help="Of a history: only what this event was decided as.")
@click.option("--call", "call_id", metavar="ID", help="Of a history: only this call, `<activation>:<n>`.")
@tools_option
@global_options
@pass_session
def explain(session: Session, /, call: str | None, *, history: str | None, **options: Any) -> None:
    """Explain what the gate says of a call: each stage, the rule that spoke, the values it saw.

    CALL is a tool's name. The call is judged as the first of a run that asks for all it needs; with `--history`,
    every recorded call of that name, or every call, is explained as it was decided.
    """
    if history is not None:
        _explain_recorded(session, history, call, options)
        return
    if call is None:
        raise usage("name the CALL to explain, or a `--history` that has some")
    if options["event"] or options["call_id"]:
        raise usage("`--event` and `--call` are for `--history`")
    decision, rows = _hypothetical(call, options)
    if session.as_json:
        session.print_json([_row_object(row) for row in rows])
    else:
        head = f"{line(call)}: {decision.verdict}"
        show(Text(head, style="bold"), *(text for row in rows for text in _row_lines(row)))


def _hypothetical(call: str, options: dict[str, Any]) -> tuple[Decision, tuple[StageRow, ...]]:
    text = options["args_text"]
    args = json_value(text, "`--args`") if text is not None else {}
    if not isinstance(args, dict):
        raise invalid("`--args`: a call's arguments are a JSON object", kind="InvalidInput")
    if options["is_model"] and args:
        raise usage("`--args` is for tools: what a model is asked does not matter to the gate")
    found = read_policy(options["policy_file"])
    hypothesis = Hypothesis(call, args, options["tenant"], options["namespace"], options["is_model"])
    return explain_call(found, hypothesis, _worker(options["tools"]))


def _worker(tools: tuple[Path, ...]) -> WorkerOptions:
    """The worker whose tools are meant, by what is said here and in the environment."""
    return WorkerOptions(None, None, tools, None)


def _explain_recorded(session: Session, file: str, name: str | None, options: dict[str, Any]) -> None:
    if options["args_text"] is not None or options["policy_file"] is not None or options["is_model"]:
        raise usage("`--history` has its own arguments and policy: leave out `--args`, `--policy` and `--model`")
    wanted = Wanted(name, options["event"], options["call_id"])
    found = explained(file, options["namespace"], wanted, debug=session.debug)
    if session.as_json:
        session.print_json([_recorded_object(seen, rows) for seen, rows in found])
        return
    for seen, rows in found:
        head = f"{line(seen.call)} {line(seen.request.name)}: {seen.decision.verdict} (event {seen.event})"
        show(Text(head, style="bold"), *(text for row in rows for text in _row_lines(row)))


def _recorded_object(seen: Decided, rows: tuple[StageRow, ...]) -> dict[str, object]:
    return {
        "event": seen.event,
        "call": seen.call,
        "name": seen.request.name,
        "verdict": seen.decision.verdict,
        "rules": list(seen.decision.rules),
        "stages": [_row_object(row) for row in rows],
    }


def _result_object(result: CaseResult) -> dict[str, object]:
    decision = result.decision
    return {
        "name": result.name,
        "ok": result.passed,
        "verdict": decision.verdict,
        "reasons": list(decision.rules),
        "differences": list(result.differences),
    }


def _result_line(result: CaseResult) -> Text:
    if result.passed:
        return Text.assemble(("✓ ", "green"), line(result.name))
    return Text.assemble(("✗ ", "red"), line(result.name), (f"  {line('; '.join(result.differences))}", "red"))


def _row_object(row: StageRow) -> dict[str, object]:
    values = dict(row.values)
    return {"stage": row.stage, "verdict": row.verdict, "rule": row.rule, "message": row.message, "values": values}


def _row_lines(row: StageRow) -> list[Text]:
    head = Text.assemble(
        f"{row.stage:<12}", (f"{row.verdict:<8}", STYLES.get(row.verdict, "red")), f"{line(row.rule):<26}"
    )
    head.append(line(row.message), style="dim")
    seen = [
        Text(f"            {line(name)}: {line(value)}", style="dim") for name, value in row.values.items() if value
    ]
    return [head, *seen]
