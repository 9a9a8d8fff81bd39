"""What a run tells `run.admit` is read by workers that know less of it, and written by ones that know less."""

from __future__ import annotations

from workflows.contracts.admission import AdmitRequest, ParentRun


def test_a_request_says_as_much_as_its_sender_knew() -> None:
    request = AdmitRequest.model_validate({"run_id": "r2", "first_run_id": "r1"})
    assert (request.v, request.continued_run_id, request.parent, request.seal) == (1, None, None, None)


def test_what_a_later_sender_adds_is_ignored() -> None:
    parent = {"workflow_id": "w", "run_id": "p", "later": 1}
    sent = {"v": 1, "run_id": "r2", "first_run_id": "r1", "run": {"graph": {}}, "parent": parent, "later": {"x": 1}}
    request = AdmitRequest.model_validate(sent)
    assert request.parent == ParentRun(workflow_id="w", run_id="p")
    assert AdmitRequest.model_validate(request.model_dump(mode="json")) == request
    assert "later" not in request.model_dump()
