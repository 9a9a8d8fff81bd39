"""Asking a run that nobody works for: what the server says becomes words and an exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from temporalio.service import RPCError, RPCStatusCode

from cli import runs
from cli.cluster import Cluster
from cli.exits import CommandError, Exit
from cli.runs import open_view

if TYPE_CHECKING:
    from temporalio.client import Client


class _Refusing:
    """A client, and a run's handle, whose server refuses each query with these words."""

    namespace = "default"

    def __init__(self, words: str) -> None:
        self.words = words

    def get_workflow_handle(self, _run: str) -> _Refusing:
        return self

    async def query(self, *_args: object, **_more: object) -> object:
        raise RPCError(self.words, RPCStatusCode.FAILED_PRECONDITION, b"")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            "no poller seen for task queue recently, worker may be down",
            Exit.UNREACHABLE,
            "start one with `detent worker`",
        ),
        (
            "Unable to query workflow due to Workflow Task in failed state.",
            Exit.UNEXPECTED,
            "the worker's log says why",
        ),
    ],
)
async def test_a_run_that_refuses_to_be_asked(
    words: str, code: Exit, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "ADMISSION_S", 0.0)
    cluster = Cluster(cast("Client", _Refusing(words)), "detent", "127.0.0.1:1")
    with pytest.raises(CommandError) as caught:
        await open_view(cluster, "default/a/1")
    assert caught.value.code is code
    assert said in caught.value.message
