"""People who sign, from the command line to the call that their answer allows."""

from __future__ import annotations

import json
import re
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.signed import People, people_of
from tests.support.command_line import eventually, with_worker
from worker.start_line import find_binary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.server import EmbeddedServer

pytestmark = pytest.mark.server


@pytest.fixture(scope="module", name="people")
def make_people(temporal_server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    found = people_of(temporal_server.address, "cli-signed", tmp_path_factory.mktemp("signed"))
    for _ in with_worker(found.cli, "--policy", found.policy("policy.yaml")):
        yield found


def writing(people: People, path: str, graph: str = "write.yaml") -> Any:  # noqa: ANN401 - the view, as JSON
    text = ("--set", "text=hello") if graph == "write.yaml" else ()
    return people.starts(graph, "--set", f"path={path}", *text)


def written(people: People, path: str) -> str | None:
    file = people.cli.directory / "workspace" / path
    return file.read_text() if file.exists() else None


def completed(people: People, run: str) -> Any:  # noqa: ANN401 - the view, as JSON
    eventually(lambda: people.view(run)["phase"] == "completed")
    return people.view(run)


def test_a_key_is_made_once_and_its_public_half_is_for_the_policy(people: People) -> None:
    again = people.cli("keys", "new", "ada", "--key-file", people.key("ada"))
    assert (again.returncode, "there already" in again.stderr) == (7, True)
    shown = people.cli("keys", "show", "ada", "--key-file", people.key("ada"))
    assert re.fullmatch(r'- \{id: "ada", roles: \[\], public_key: "ed25519:[A-Za-z0-9+/]{43}="\}\n', shown.stdout)
    assert "PRIVATE" not in shown.stdout + shown.stderr
    assert people.cli("keys", "new", "any", "--key-file", "x").returncode == 2


def test_a_signed_yes_lets_the_call_be_made(people: People) -> None:
    view = writing(people, "out/yes.txt")
    bare = people.cli("approve", view["id"])
    assert (bare.returncode, "a signature is needed" in bare.stderr) == (2, True)
    assert written(people, "out/yes.txt") is None
    done = people.says("ada", "approve", view["id"])
    assert done.returncode == 0, done.stderr
    assert "by ada" in done.stdout
    completed(people, view["id"])
    assert written(people, "out/yes.txt") == "hello"


def test_a_persons_no_needs_a_signature_too(people: People) -> None:
    view = writing(people, "out/no.txt")
    assert people.cli("deny", view["id"]).returncode == 2
    assert people.says("ada", "deny", view["id"]).returncode == 0
    eventually(lambda: people.view(view["id"])["phase"] == "failed")
    assert written(people, "out/no.txt") is None


def test_who_may_not_answer_changes_nothing(people: People) -> None:
    view = writing(people, "out/eve.txt")
    done = people.says("eve", "approve", view["id"])
    assert (done.returncode, "not among those who may: role:operator" in done.stderr) == (8, True)
    stolen = people.cli("approve", view["id"], "--as", "ada", "--key-file", people.key("eve"))
    assert (stolen.returncode, "signature is not one of `ada`" in stolen.stderr) == (8, True)
    after = people.view(view["id"])
    assert (after["phase"], after["pauses"]) == ("waiting", view["pauses"])
    assert [refusal["by"] for refusal in after["refusals"]] == ["claimed:eve", "claimed:ada"]
    assert written(people, "out/eve.txt") is None
    people.cli("cancel", view["id"])


def test_a_dry_run_shows_what_is_signed_and_what_is_sent(people: People) -> None:
    view = writing(people, "out/dry.txt")
    done = people.says("ada", "approve", view["id"], "--dry-run", "--expires", "5m")
    signed, sent = done.stdout.splitlines()
    answer = json.loads(sent.removeprefix("sent   "))
    assert (answer["by"], answer["digest"], len(answer["signature"])) == ("ada", view["pauses"][0]["digest"], 88)
    assert signed.startswith('signed detent.answer.v1\\0{"by":"ada","digest":')
    assert '"signature"' not in signed
    assert people.view(view["id"])["phase"] == "waiting"
    people.cli("cancel", view["id"])


def test_two_people_must_say_the_same_and_whoever_started_the_run_is_neither(people: People) -> None:
    view = writing(people, "guarded/a.txt")
    own = people.says("carl", "approve", view["id"])
    assert (own.returncode, "started the run" in own.stderr) == (8, True)
    for _ in range(2):
        first = people.says("ada", "approve", view["id"])
        assert (first.returncode, "1 more must say the same" in first.stdout) == (0, True), first.stderr
    assert written(people, "guarded/a.txt") is None
    shown = people.cli("pending", view["id"]).stdout
    assert "role:operator; not whoever started the run; 2 must say the same; signed; so far ada" in shown
    assert "--as ID --key-file F" in shown
    assert people.says("bob", "approve", view["id"]).returncode == 0
    completed(people, view["id"])
    assert written(people, "guarded/a.txt") == "hello"


def test_an_answer_given_ahead_is_signed_like_any_other(people: People) -> None:
    view = people.starts("ask.yaml", "--answer", "accept=reject", code=0)
    assert view["output"]["said"]["outcome"] == "reject"
    assert view["output"]["said"]["by"] == "carl"


def test_an_answer_that_says_two_things_on_the_wire_is_not_taken(people: People) -> None:
    """Of two outcomes the last would count, although the first stands there too."""
    view = writing(people, "out/wire.txt")
    done = people.says("ada", "approve", view["id"], "--dry-run", "--output", "json")
    sent = json.dumps(json.loads(done.stdout)["sent"])
    signal = ["workflow", "signal", "--address", people.cli.environ["TEMPORAL_ADDRESS"], "-w", view["id"]]
    for text in ('{"outcome":"deny",' + sent[1:], '{"scope":"run",' + sent[1:]):
        words = [*signal, "--name", "answer", "--input", text]
        subprocess.run([str(find_binary()), *words], check=True, capture_output=True, timeout=30)
    time.sleep(0.5)
    assert (people.view(view["id"])["phase"], written(people, "out/wire.txt")) == ("waiting", None)
    subprocess.run([str(find_binary()), *signal, "--name", "answer", "--input", sent], check=True, timeout=30)
    completed(people, view["id"])
    assert written(people, "out/wire.txt") == "hello"


def test_a_start_that_nobody_signed_is_refused(people: People) -> None:
    done = people.cli("run", "write.yaml", "--set", "path=out/x.txt", "--set", "text=x")
    assert (done.returncode, "start it with `--as ID --key-file FILE`" in done.stdout + done.stderr) == (3, True)


def test_an_approval_for_the_run_covers_the_next_call(people: People) -> None:
    view = writing(people, "out/run.txt", "twice.yaml")
    assert people.says("ada", "approve", view["id"], "--scope", "run").returncode == 0
    completed(people, view["id"])
    assert written(people, "out/run.txt") == "two"
    once = writing(people, "out/once.txt", "twice.yaml")
    assert people.says("ada", "approve", once["id"]).returncode == 0
    eventually(lambda: [pause["id"] for pause in people.view(once["id"])["pauses"]] == ["p2"])
    assert written(people, "out/once.txt") == "one"
    people.cli("cancel", once["id"])


def test_an_approval_for_the_tenant_covers_later_runs_until_it_is_revoked(people: People) -> None:
    view = writing(people, "out/tenant.txt")
    assert people.says("ada", "approve", view["id"], "--scope", "tenant").returncode == 0
    completed(people, view["id"])
    later = people.starts("write.yaml", "--set", "path=out/tenant.txt", "--set", "text=again", code=0)
    assert (later["phase"], written(people, "out/tenant.txt")) == ("completed", "again")
    other = writing(people, "out/other.txt")
    assert other["phase"] == "waiting"
    people.cli("cancel", other["id"])
    policy = str(people.cli.directory / "policy.yaml")
    (row,) = people.cli.json("approvals", "ls", "--policy", policy)
    assert (row["holds"], row["by"], row["calls"][0]["name"]) == (True, ["ada"], "fs.write")
    assert people.cli("approvals", "revoke", row["digest"]).returncode == 0
    (row,) = people.cli.json("approvals", "ls", "--policy", policy)
    assert (row["holds"], row["why_not"]) == (False, "the approval is revoked")
    asked = writing(people, "out/tenant.txt")
    assert asked["phase"] == "waiting"
    people.cli("cancel", asked["id"])


def test_a_grant_gives_a_run_what_it_lacks(people: People) -> None:
    view = writing(people, "more/a.txt")
    (pause,) = view["pauses"]
    assert "on_capability" in pause["triggers"]
    assert people.says("ada", "grant", view["id"], "fs.write:other/a.txt").returncode == 8
    verb = ("grant", view["id"], "fs.write:more/a.txt") if "grant" in pause["outcomes"] else ("approve", view["id"])
    done = people.says("ada", *verb)
    assert done.returncode == 0, done.stderr
    completed(people, view["id"])
    assert written(people, "more/a.txt") == "hello"
    assert people.starts("write.yaml", "--set", "path=never/a.txt", "--set", "text=x", code=3)["phase"] == "failed"


def test_controls_are_for_those_whom_the_policy_names(people: People) -> None:
    view = writing(people, "out/held.txt")
    assert people.cli("pause", view["id"]).returncode == 0
    bare = people.cli("resume", view["id"])
    assert (bare.returncode, "a signature is needed" in bare.stderr) == (8, True)
    wrong = people.says("eve", "resume", view["id"])
    assert (wrong.returncode, "not among" in wrong.stderr) == (8, True)
    assert people.says("ada", "resume", view["id"]).returncode == 0
    assert people.says("ada", "cancel", view["id"], "--reason", "enough").returncode == 0
    eventually(lambda: people.view(view["id"])["phase"] == "cancelled")


def test_a_run_goes_on_under_another_policy_only_once_it_is_pinned_to_it(
    temporal_server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = people_of(temporal_server.address, "cli-repin", tmp_path_factory.mktemp("repin"))
    then, now = found.policy("then.yaml"), found.policy("now.yaml", protected=["guarded/**", "else/**"])
    waiting: list[Any] = []
    for _ in with_worker(found.cli, "--policy", then):
        waiting += [writing(found, "out/drift.txt"), writing(found, "out/pinned.txt")]
    drifting, pinned = waiting
    checked = found.cli("policy", "check", now)
    (digest,) = re.findall(r"tenant default  digest ([0-9a-f]{64})", checked.stderr)
    for _ in with_worker(found.cli, "--policy", now):
        assert found.says("ada", "approve", drifting["id"]).returncode == 0
        eventually(lambda: found.view(drifting["id"])["phase"] == "failed")
        assert found.view(drifting["id"])["error"]["type"] == "PolicyDrift"
        assert written(found, "out/drift.txt") is None
        unsigned = found.cli("repin", pinned["id"], "--policy-digest", digest)
        assert unsigned.returncode == 2
        assert found.says("eve", "repin", pinned["id"], "--policy-digest", digest).returncode == 8
        done = found.says("ada", "repin", pinned["id"], "--policy-digest", digest)
        assert done.returncode == 0, done.stderr
        (pause,) = found.view(pinned["id"])["pauses"]
        assert pause["digest"] != pinned["pauses"][0]["digest"]
        assert found.says("ada", "approve", pinned["id"]).returncode == 0
        completed(found, pinned["id"])
        assert written(found, "out/pinned.txt") == "hello"
