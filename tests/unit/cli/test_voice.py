"""Who speaks, and what that person signs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.exits import CommandError
from cli.keystore import load_signer, new_signer
from cli.voice import Voice, voice_of
from policies.evidence import Ground, Standard, parse_time, why_no_control, why_unfit
from policies.people import Answerers, Approvals, Person
from policies.signing import start_bytes, verify
from workflows.contracts.pause import Answer, Control

RUN = {"namespace": "default", "workflow_id": "t/g/k", "first_run_id": "r1"}


@pytest.fixture(name="key_file")
def make_key_file(tmp_path: Path) -> Path:
    new_signer("ada", tmp_path / "key")
    return tmp_path / "key"


def people(key_file: Path) -> Answerers:
    return Answerers(require_signature=True, people=(Person("ada", (), load_signer("ada", key_file).public_key),))


@pytest.mark.parametrize(("scope", "hours"), [("once", 1), ("run", 24), ("tenant", 24)])
def test_a_signed_answer_is_one_that_counts(key_file: Path, scope: str, hours: int) -> None:
    answer = Answer.model_validate({"pause": "p1", "digest": "d", "outcome": "approve", "by": "ada", "scope": scope})
    made = voice_of("ada", key_file).sign_answer(answer, needed=False)
    issued, expires = parse_time(made.issued_at), parse_time(made.expires_at)
    assert issued is not None
    assert expires == issued + hours * 3_600_000
    unfit = why_unfit(
        made.model_dump(mode="json", exclude_none=True),
        digest="d",
        answerers=people(key_file),
        standard=Standard(signed=True),
        starter=None,
        revoked=(),
        now_ms=issued + 1,
        approvals=Approvals(tenant=True),
    )
    assert unfit is None


def test_how_long_it_lives_can_be_said(key_file: Path) -> None:
    made = voice_of("ada", key_file, "5m").sign_answer(Answer(pause="p", outcome="x", by="ada"), needed=True)
    assert (parse_time(made.expires_at) or 0) - (parse_time(made.issued_at) or 0) == 300_000
    for bad in ("soon", "0s", "-1h"):
        with pytest.raises(CommandError, match="--expires"):
            voice_of("ada", key_file, bad)


def test_what_needs_a_signature_is_not_sent_without(key_file: Path) -> None:
    answer = Answer(pause="p", outcome="x", by="me")
    assert Voice().sign_answer(answer, needed=False) == answer
    assert Voice("ada").sign_answer(answer, needed=False) == answer
    with pytest.raises(CommandError, match="sign with `--as ID --key-file FILE`"):
        Voice().sign_answer(answer, needed=True)
    with pytest.raises(CommandError, match="a signature is needed"):
        Voice().sign_answer(answer.model_copy(update={"scope": "tenant"}), needed=False)
    with pytest.raises(CommandError, match="say who with `--as ID`"):
        voice_of(None, key_file)


@pytest.mark.parametrize("data", [{"n": 1.0}, {"Cafe\u0301": 1}])
def test_what_has_a_twin_is_refused_before_it_is_sent(key_file: Path, data: object) -> None:
    with pytest.raises(CommandError, match="cannot be signed") as caught:
        voice_of("ada", key_file).sign_answer(Answer(pause="p", outcome="x", by="ada", data=data), needed=True)
    assert caught.value.code == 7


def test_a_signed_control_is_one_that_is_obeyed(key_file: Path) -> None:
    made = voice_of("ada", key_file).sign_control(Control(by="ada", reason="why"), needed=True, action="repin", **RUN)
    ground = Ground(people(key_file), parse_time(made.issued_at) or 0)
    said = made.model_dump(mode="json", exclude_none=True)
    assert why_no_control(said, ground, action="repin", who="any", **RUN) is None
    assert why_no_control(said, ground, action="cancel", who="any", **RUN) is not None


def test_a_start_is_signed_for_its_run(key_file: Path) -> None:
    run: Any = {"namespace": "n", "workflow_id": "w", "graph_digest": "g", "input_digest": "i"}
    starter = voice_of("ada", key_file).starter(**run)
    assert starter is not None
    assert starter.issued_at is not None
    data = start_bytes(by="ada", issued_at=starter.issued_at, **run)
    assert verify(load_signer("ada", key_file).public_key, data, starter.signature or "")
    assert Voice().starter(**run) is None
