"""Private keys are kept where nobody else reads them, or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from keyring.backends.fail import Keyring as NoKeyring

from cli.exits import CommandError
from cli.keystore import find_signer, load_signer, new_signer
from policies.signing import flaw_of_key, verify
from tests.support.memory_keyring import MemoryKeyring


@pytest.fixture(autouse=True)
def _headless() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())  # type: ignore[no-untyped-call]  # the library's
    yield
    keyring.set_keyring(before)


@pytest.fixture
def desktop() -> MemoryKeyring:
    found = MemoryKeyring()
    keyring.set_keyring(found)
    return found


def refusal(path: Path | None = None, name: str = "ada") -> str:
    with pytest.raises(CommandError) as caught:
        load_signer(name, path)
    return caught.value.message


def test_a_key_in_a_file_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = new_signer("ada", tmp_path / "key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    loaded = load_signer("ada", tmp_path / "key")
    assert loaded.public_key == made.public_key
    assert flaw_of_key(made.public_key) is None
    assert verify(made.public_key, b"x", loaded.sign(b"x"))


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    new_signer("ada", tmp_path / "key")
    kept = (tmp_path / "key").read_bytes()
    with pytest.raises(CommandError, match="there already"):
        new_signer("ada", tmp_path / "key")
    assert (tmp_path / "key").read_bytes() == kept


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o601])
def test_a_file_that_others_reach_is_not_used(tmp_path: Path, mode: int) -> None:
    new_signer("ada", tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    assert "chmod 600" in refusal(tmp_path / "key")
    (tmp_path / "key").chmod(0o400)
    assert load_signer("ada", tmp_path / "key").id == "ada"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_somebody_elses_file_is_not_used(tmp_path: Path) -> None:
    new_signer("ada", tmp_path / "key")
    os.chown(tmp_path / "key", 12345, -1)
    assert "somebody else's" in refusal(tmp_path / "key")


def test_links_directories_and_pipes_are_not_used(tmp_path: Path) -> None:
    new_signer("ada", tmp_path / "key")
    (tmp_path / "link").symlink_to("key")
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "link" in refusal(tmp_path / "link")
    assert "no plain file" in refusal(tmp_path)
    assert "no plain file" in refusal(tmp_path / "pipe")
    assert "no such file" in refusal(tmp_path / "none")
    with pytest.raises(CommandError, match="there already"):
        new_signer("ada", tmp_path / "link")


def test_what_is_no_key_of_ours_is_refused_without_being_shown(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch(0o600)
    rsa = generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for data, why in ((b"canary-secret", "no private key in PEM"), (b"\xff", "no private key"), (rsa, "not Ed25519")):
        path.write_bytes(data)
        message = refusal(path)
        assert why in message
        assert "canary" not in message


def test_without_a_keyring_a_file_must_be_named() -> None:
    assert "no keyring: keep the key in a file with `--key-file FILE`" in refusal()
    with pytest.raises(CommandError, match="no keyring"):
        new_signer("ada", None)
    assert find_signer("ada") is None


def test_a_keyring_keeps_one_key_for_a_person(desktop: MemoryKeyring) -> None:
    made = new_signer("ada", None)
    assert load_signer("ada", None).public_key == made.public_key
    found = find_signer("ada")
    assert found is not None
    assert found.public_key == made.public_key
    assert find_signer("bob") is None
    assert "no key of `bob`" in refusal(None, "bob")
    with pytest.raises(CommandError, match="has a key of `ada`"):
        new_signer("ada", None)
    assert list(desktop.kept) == [("detent", "ada")]


def test_a_signer_does_not_show_its_key(tmp_path: Path) -> None:
    made = new_signer("ada", tmp_path / "key")
    secret = (tmp_path / "key").read_text().splitlines()[1]
    assert secret not in repr(made)
    assert "_key" not in repr(made)
