"""Where a client goes, and what it says when nobody is there."""

from __future__ import annotations

import getpass
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from temporalio import workflow
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.blobs import DirectoryBlobs
from policies.errors import DocumentError
from worker.connect import DEFAULT_ADDRESS, Target, Unreachable, connect, identity, target

if TYPE_CHECKING:
    from worker.server import EmbeddedServer

NO_FILE = {"TEMPORAL_CONFIG_FILE": "/dev/null"}


def test_it_goes_to_this_machine_unless_told_otherwise() -> None:
    assert target(NO_FILE) == Target(DEFAULT_ADDRESS, "default")


def test_temporals_own_variables_say_where() -> None:
    found = target({**NO_FILE, "TEMPORAL_ADDRESS": "a:1", "TEMPORAL_NAMESPACE": "n", "TEMPORAL_API_KEY": "k"})
    assert (found.address, found.namespace) == ("a:1", "n")
    assert found.extra == {"api_key": "k", "tls": True}
    assert "'k'" not in repr(found)


def test_a_profile_says_where(tmp_path: Path) -> None:
    file = tmp_path / "temporal.toml"
    file.write_text('[profile.p]\naddress = "h:3"\nnamespace = "n"\n', encoding="utf-8")
    found = target({"TEMPORAL_CONFIG_FILE": str(file), "TEMPORAL_PROFILE": "p"})
    assert (found.address, found.namespace) == ("h:3", "n")


def test_an_unknown_profile_is_a_problem_of_a_document() -> None:
    with pytest.raises(DocumentError, match="Profile 'nope' not found"):
        target({**NO_FILE, "TEMPORAL_PROFILE": "nope"})


def test_it_acts_as_a_person_on_a_machine() -> None:
    assert identity() == f"{getpass.getuser()}@{socket.gethostname()}"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("127.0.0.1:1", "connection refused"),
        ("nowhere.invalid:7233", "the host has no address"),
        ("not an address", "not an address of the form `host:port`"),
    ],
)
async def test_a_server_that_is_not_there_is_told_in_words(tmp_path: Path, address: str, words: str) -> None:
    with pytest.raises(Unreachable, match=f"no temporal server at `{address}`: {words}; start one with `detent dev`"):
        await connect(Target(address), DirectoryBlobs(tmp_path))


async def test_a_server_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Unreachable, match=r"no answer from the temporal server .* within 0.3 s"):
            await connect(Target(address), DirectoryBlobs(tmp_path), timeout_s=0.3)


async def test_a_namespace_that_is_not_there_is_named(tmp_path: Path, temporal_server: EmbeddedServer) -> None:
    with pytest.raises(Unreachable, match="no namespace `elsewhere`; set TEMPORAL_NAMESPACE or create it"):
        await connect(Target(temporal_server.address, "elsewhere"), DirectoryBlobs(tmp_path))


@workflow.defn(name="Failing", sandboxed=False)
class Failing:
    """Fails with whatever it is given, which has to be large to leave the history."""

    @workflow.run
    async def run(self, value: str) -> str:
        if value:
            return value
        raise ApplicationError("on purpose", type="Planned")


async def test_large_values_go_to_the_blobs_and_failures_keep_no_places(
    tmp_path: Path, temporal_server: EmbeddedServer, task_queue: str
) -> None:
    client = await connect(Target(temporal_server.address), DirectoryBlobs(tmp_path))
    async with Worker(client, task_queue=task_queue, workflows=[Failing], workflow_runner=UnsandboxedWorkflowRunner()):
        large = "x" * 3_000_000
        assert await client.execute_workflow(Failing.run, large, id=f"{task_queue}-a", task_queue=task_queue) == large
        assert len(list((tmp_path / "sha256").rglob("*"))) > 0
        with pytest.raises(WorkflowFailureError) as caught:
            await client.execute_workflow(Failing.run, "", id=f"{task_queue}-b", task_queue=task_queue)
    cause = caught.value.cause
    assert "on purpose" in str(cause)
    history = (await client.get_workflow_handle(f"{task_queue}-b").fetch_history()).to_json()
    assert "stackTrace" not in history
