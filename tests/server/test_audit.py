"""The audit of real runs: exported histories verify, and whatever is done to them is found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.replay.record import carry, histories_of, risky, sequence
from tests.server.tampering import History, cut, events, exchanged, renumbered, rewrite, spliced, texts, without
from tests.support.command_line import CommandLine, environ
from tests.support.runs import AUDIT_KEY, Runs, graph_of, human, policy_of, tool, working
from worker.audit_key import audit_signer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from temporalio.client import Client

    from activities.blobs import DirectoryBlobs
    from tests.support.runs import Run

pytestmark = pytest.mark.server

SCHEDULED = "activityTaskScheduledEventAttributes"
COMPLETED = "activityTaskCompletedEventAttributes"
ACCEPTED = "workflowExecutionUpdateAcceptedEventAttributes"
TOLD = "workflowExecutionUpdateCompletedEventAttributes"
MARKER = "markerRecordedEventAttributes"
MEMO = "workflowPropertiesModifiedEventAttributes"
STARTED = "workflowExecutionStartedEventAttributes"
RESULT = "workflowExecutionCompletedEventAttributes"
SIGNALED = "workflowExecutionSignaledEventAttributes"
CARRIED = "workflowExecutionContinuedAsNewEventAttributes"


async def asked(runs: Runs) -> Run:
    """Two people asked one after the other: one answers by update, one by signal; then a call."""
    nodes = {"ask": human("yes", "no", to="again"), "again": human("yes", to="act"), "act": tool("note", "end")}
    run = await runs.start(graph_of(nodes))
    await run.asked("p1")
    await run.answer("yes", pause="p1")
    await run.asked("p2")
    await run.signal({"pause": "p2", "outcome": "yes", "by": "ada"})
    await run.closed()
    return run


async def twin(runs: Runs) -> Run:
    """The same run once more, and nearly the same."""
    nodes = {"one": tool("note", "two", {"value": 2}), "two": tool("note", "end", {"value": 3})}
    run = await runs.start(graph_of(nodes))
    await run.closed()
    return run


@dataclass(frozen=True)
class Recorded:
    """The histories of real runs by name, the oldest first, and the heads that the runs ended with."""

    histories: dict[str, list[History]]
    heads: dict[str, str]


@pytest.fixture(scope="module")
async def recorded(
    temporal_client: Client, blobs: DirectoryBlobs, tmp_path_factory: pytest.TempPathFactory
) -> Recorded:
    """Runs under a policy that has heads signed, and one, `unsigned`, under one that has not."""
    found, heads = {}, {}
    plays = {"sequence": sequence, "risky": risky, "asked": asked, "twin": twin, "carry": carry, "unsigned": twin}
    for name, play in plays.items():
        policy = policy_of() if name == "unsigned" else policy_of(audit={"sign": True})
        root, after = tmp_path_factory.mktemp(name), 60 if name == "carry" else None
        place = working(temporal_client, blobs, f"audit-{name}", root, policy=policy, carry_after=after)
        async with place as runs:
            run = await play(runs)
            found[name] = [json.loads(text) for text in await histories_of(run)]
            view = await run.closed()
        assert view.audit is not None
        heads[name] = view.audit.head
    return Recorded(found, heads)


@pytest.fixture
def offline(tmp_path: Path) -> CommandLine:
    """The command line without a server."""
    return CommandLine(environ("127.0.0.1:1", "none", tmp_path), tmp_path)


def verify(cli: CommandLine, histories: list[History], *words: str, code: int = 0) -> dict[str, Any]:
    """The report on the histories of one run."""
    files = [cli.directory / f"{number}.json" for number in range(len(histories))]
    for file, history in zip(files, histories, strict=True):
        file.write_text(json.dumps(history))
    (report,) = cli.json("audit", "verify", *map(str, files), *words, code=code)
    assert report["ok"] is (code == 0)
    found: dict[str, Any] = report
    return found


def public_key() -> str:
    """What the workers of tests sign with, as people know it."""
    signer = audit_signer({"DETENT_AUDIT_KEY": AUDIT_KEY})
    assert signer is not None
    return signer.public_key


NAMES = ("sequence", "risky", "asked", "twin", "carry")


@pytest.mark.parametrize("name", NAMES)
def test_what_happened_verifies(recorded: Recorded, offline: CommandLine, name: str) -> None:
    report = verify(offline, recorded.histories[name])
    assert (report["head"], report["closed"], report["proven"]) == (recorded.heads[name], True, None)
    for words in (("--head", recorded.heads[name][:16]), ("--key", public_key())):
        assert verify(offline, recorded.histories[name], *words)["proven"] == report["records"]


def test_a_later_history_alone_says_where_it_begins(recorded: Recorded, offline: CommandLine) -> None:
    report = verify(offline, recorded.histories["carry"][1:], "--head", recorded.heads["carry"])
    assert report["begins"] > 1
    assert report["proven"] == report["records"]


def a_result(told: dict[str, list[History]]) -> list[History]:
    return [rewrite(told["sequence"][0], COMPLETED, '"value":"ada"', '"value":"bob"')]


def the_last_result(told: dict[str, list[History]]) -> list[History]:
    return [rewrite(told["twin"][0], COMPLETED, '"value":3', '"value":4', at=-1)]


def an_argument(told: dict[str, list[History]]) -> list[History]:
    return [rewrite(told["twin"][0], SCHEDULED, '"value":2', '"value":9')]


def a_permit(told: dict[str, list[History]]) -> list[History]:
    return [rewrite(told["risky"][0], SCHEDULED, '"by":"claimed:ada"', '"by":"claimed:eve"')]


def the_head_in_a_call(told: dict[str, list[History]]) -> list[History]:
    first = events(told["twin"][0], SCHEDULED)[1]
    head = next(text for text in texts(first) if '"audit"' in text).partition('"audit":"')[2][:16]
    return [rewrite(told["twin"][0], SCHEDULED, head, head[::-1], at=1)]


def an_answer(told: dict[str, list[History]]) -> list[History]:
    return [rewrite(told["risky"][0], ACCEPTED, '"approve"', '"deny"')]


def an_answers_author(told: dict[str, list[History]]) -> list[History]:
    return [rewrite(told["asked"][0], ACCEPTED, '"ada"', '"eve"')]


def a_signals_author(told: dict[str, list[History]]) -> list[History]:
    return [rewrite(told["asked"][0], SIGNALED, '"ada"', '"eve"')]


def what_the_person_was_told(told: dict[str, list[History]]) -> list[History]:
    return [rewrite(told["asked"][0], TOLD, "ada", "eve")]


def the_answer_is_gone(told: dict[str, list[History]]) -> list[History]:
    return [without(told["asked"][0], lambda event: ACCEPTED in event or TOLD in event)]


def the_signal_is_gone(told: dict[str, list[History]]) -> list[History]:
    return [without(told["asked"][0], lambda event: SIGNALED in event)]


def the_signal_came_twice(told: dict[str, list[History]]) -> list[History]:
    history = json.loads(json.dumps(told["asked"][0]))
    first = events(history, SIGNALED)[0]
    place = history["events"].index(first) + 1
    return [renumbered([*history["events"][:place], {**first, "eventId": "x"}, *history["events"][place:]])]


def two_results_change_places(told: dict[str, list[History]]) -> list[History]:
    return [exchanged(told["twin"][0], COMPLETED, 0, 1, "result")]


def two_answers_change_places(told: dict[str, list[History]]) -> list[History]:
    return [exchanged(told["risky"][0], ACCEPTED, 0, 1, "acceptedRequest")]


def the_middle_is_cut_out(told: dict[str, list[History]]) -> list[History]:
    ids = [int(event["eventId"]) for event in events(told["twin"][0], COMPLETED)]
    return [without(told["twin"][0], lambda event: ids[0] < int(event["eventId"]) <= ids[1])]


def another_runs_end(told: dict[str, list[History]]) -> list[History]:
    return [spliced(told["twin"][0], told["unsigned"][0])]


def the_policy(told: dict[str, list[History]]) -> list[History]:
    return [rewrite(told["twin"][0], MARKER, '"high":"ask"', '"high":"auto"')]


def the_input(told: dict[str, list[History]]) -> list[History]:
    return [rewrite(told["sequence"][0], STARTED, '"who":"ada"', '"who":"eve"')]


def the_graph(told: dict[str, list[History]]) -> list[History]:
    return [rewrite(told["twin"][0], STARTED, '"1.0.0"', '"1.0.1"')]


def the_head_in_the_memo(told: dict[str, list[History]]) -> list[History]:
    return [rewrite(told["asked"][0], MEMO, '"head":"', '"head":"0')]


def the_end(told: dict[str, list[History]]) -> list[History]:
    return [rewrite(told["sequence"][0], RESULT, '"size"', '"sise"')]


def the_run(told: dict[str, list[History]]) -> list[History]:
    run = events(told["twin"][0], STARTED)[0][STARTED]["workflowId"]
    return [json.loads(json.dumps(told["twin"][0]).replace(run, f"{run}0"))]


def what_a_carry_hands_over(told: dict[str, list[History]]) -> list[History]:
    return [rewrite(told["carry"][0], CARRIED, '"visits":', '"visit5":'), told["carry"][1]]


def what_a_carry_takes_up(told: dict[str, list[History]]) -> list[History]:
    return [told["carry"][0], rewrite(told["carry"][1], STARTED, '"events":', '"eventz":')]


def both_ends_of_a_carry(told: dict[str, list[History]]) -> list[History]:
    first, second = told["carry"]
    return [rewrite(first, CARRIED, '"seen":[', '"seen":[99,'), rewrite(second, STARTED, '"seen":[', '"seen":[99,')]


def a_carry_alone(told: dict[str, list[History]]) -> list[History]:
    return [rewrite(told["carry"][1], STARTED, '"seen":[', '"seen":[99,')]


TAMPERED: tuple[Callable[[dict[str, list[History]]], list[History]], ...] = (
    a_result,
    the_last_result,
    an_argument,
    a_permit,
    the_head_in_a_call,
    an_answer,
    an_answers_author,
    a_signals_author,
    what_the_person_was_told,
    the_answer_is_gone,
    the_signal_is_gone,
    the_signal_came_twice,
    two_results_change_places,
    two_answers_change_places,
    the_middle_is_cut_out,
    another_runs_end,
    the_policy,
    the_input,
    the_graph,
    the_head_in_the_memo,
    the_end,
    the_run,
    what_a_carry_hands_over,
    what_a_carry_takes_up,
    both_ends_of_a_carry,
    a_carry_alone,
)


@pytest.mark.parametrize("tamper", TAMPERED, ids=lambda tamper: tamper.__name__)
def test_what_is_done_to_a_history_is_found(
    recorded: Recorded, offline: CommandLine, tamper: Callable[[dict[str, list[History]]], list[History]]
) -> None:
    problems = verify(offline, tamper(recorded.histories), code=5)["problems"]
    assert problems[0]["file"].endswith(".json")
    assert problems[0]["event"] is not None
    assert problems[0]["message"]


def test_the_first_that_disagrees_is_named(recorded: Recorded, offline: CommandLine) -> None:
    told = recorded.histories
    (problem,) = verify(offline, a_result(told), code=5)["problems"]
    changed, asked_next = events(told["sequence"][0], COMPLETED)[0], events(told["sequence"][0], SCHEDULED)[1]
    assert problem["event"] == int(asked_next["eventId"])
    assert "something in events" in problem["message"]
    first, last = problem["records"]
    assert first <= 3 <= last  # its `settled`
    assert int(changed["eventId"]) < problem["event"]
    (head,) = verify(offline, the_head_in_a_call(told), code=5)["problems"]
    assert "is not what the run asked for" in head["message"]
    (argument,) = verify(offline, an_argument(told), code=5)["problems"]
    assert "`[1].args.value`" in argument["message"]


def test_a_cut_tail_shows_only_by_a_head_or_a_key(recorded: Recorded, offline: CommandLine) -> None:
    tail = [cut(recorded.histories["twin"][0], SCHEDULED)]
    report = verify(offline, tail)
    assert (report["proven"], report["closed"]) == (None, False)
    text = offline("audit", "verify", str(offline.directory / "0.json"))
    assert (text.returncode, "tail not proven" in text.stdout) == (0, True)
    verify(offline, tail, "--head", recorded.heads["twin"], code=5)
    verify(offline, tail, "--key", public_key(), code=5)


def test_another_run_in_its_place_shows_only_by_a_head_or_a_key(recorded: Recorded, offline: CommandLine) -> None:
    other = recorded.histories["unsigned"]
    verify(offline, other)
    verify(offline, other, "--head", recorded.heads["twin"], code=5)
    verify(offline, other, "--key", public_key(), code=5)


def test_a_signature_of_another_key_is_none(recorded: Recorded, offline: CommandLine) -> None:
    stranger = audit_signer({"DETENT_AUDIT_KEY": "A" * 43 + "="})
    assert stranger is not None
    (problem,) = verify(offline, recorded.histories["asked"], "--key", stranger.public_key, code=5)["problems"]
    assert "not signed with this key" in problem["message"]
    bare = rewrite(recorded.histories["twin"][0], RESULT, '"signature":', '"sygnature":')
    problems = verify(offline, [bare], "--key", public_key(), code=5)["problems"]
    assert "signed" in problems[-1]["message"]


def test_an_earlier_head_proves_what_came_before_it(recorded: Recorded, offline: CommandLine) -> None:
    found = [text for text in texts(recorded.histories["asked"][0]) if text.startswith('{"seq"')]
    memo = next(text for text in found if '"head"' in text)
    report = verify(offline, recorded.histories["asked"], "--head", json.loads(memo)["head"])
    assert report["proven"] == json.loads(memo)["seq"] < report["records"]


def test_histories_of_several_runs_are_each_verified(recorded: Recorded, offline: CommandLine) -> None:
    files = []
    for name, history in (("a", recorded.histories["twin"][0]), ("b", recorded.histories["asked"][0])):
        files.append(str(offline.directory / name))
        (offline.directory / name).write_text(json.dumps(history))
    assert [report["ok"] for report in offline.json("audit", "verify", *files)] == [True, True]
    assert offline("audit", "verify", *files, "--head", "0" * 16).returncode == 2
    assert offline("audit", "verify", files[0], "--head", "x").returncode == 2
    assert offline("audit", "verify", files[0], "--key", "ed25519:x").returncode == 2
    assert offline("audit", "verify", files[0], files[0]).returncode == 7
