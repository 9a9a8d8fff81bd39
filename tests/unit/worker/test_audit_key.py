"""The key that heads of the audit are signed with: found safely, kept from tools, required where it is wanted."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from policies.document import builtin_policy, parse_policy
from policies.errors import DocumentError
from policies.signing import flaw_of_key, verify
from worker.audit_key import audit_key_files, audit_signer, forget_audit_key, require_signer
from worker.settings import Flags, settings

if TYPE_CHECKING:
    from pathlib import Path

SEED = base64.b64encode(bytes(range(32))).decode()


def signing_policy() -> object:
    return {"policy": "p", "version": 1, "tenants": {"default": {}}, "audit": {"sign": True}}


def key_file(tmp_path: Path, mode: int = 0o600) -> Path:
    file = tmp_path / "audit.key"
    file.write_text(SEED + "\n")
    file.chmod(mode)
    return file


def test_a_signature_holds_for_the_public_key_and_for_nothing_else(tmp_path: Path) -> None:
    signer = audit_signer({"DETENT_AUDIT_KEY_FILE": str(key_file(tmp_path))})
    assert signer is not None
    key, signature = signer(b"head")
    assert (key, flaw_of_key(key)) == (signer.public_key, None)
    assert verify(key, b"head", signature)
    assert not verify(key, b"heat", signature)
    same = audit_signer({"DETENT_AUDIT_KEY": SEED})
    assert same is not None
    assert same.public_key == key


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="can be read or written by others"):
        audit_signer({"DETENT_AUDIT_KEY_FILE": str(key_file(tmp_path, 0o644))})


def test_what_is_no_key_is_refused_without_showing_it() -> None:
    with pytest.raises(DocumentError) as caught:
        audit_signer({"DETENT_AUDIT_KEY": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_a_policy_that_wants_heads_signed_starts_no_worker_without_a_key() -> None:
    policy = parse_policy(signing_policy())
    with pytest.raises(DocumentError, match="DETENT_AUDIT_KEY"):
        require_signer(policy, None)
    require_signer(policy, audit_signer({"DETENT_AUDIT_KEY": SEED}))
    require_signer(builtin_policy(), audit_signer({}))


def test_the_key_is_kept_from_tools_and_from_programs(tmp_path: Path) -> None:
    environ = {"DETENT_AUDIT_KEY_FILE": str(key_file(tmp_path)), "PATH": "x"}
    assert audit_key_files(environ)[0] in settings(Flags(workspace=tmp_path), environ).keys
    forget_audit_key(environ)
    assert environ == {"PATH": "x"}
    assert audit_key_files(environ) == ()
