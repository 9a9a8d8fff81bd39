"""People's private keys: in the system's keyring, or in a file that only its owner can read."""

from __future__ import annotations

import base64
import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from cli.exits import CommandError, invalid, usage
from cli.render.text import line
from policies.signing import KEY_PREFIX

if TYPE_CHECKING:
    from pathlib import Path

    from keyring.backend import KeyringBackend

SERVICE = "detent"
MAX_KEY_BYTES = 8 * 1024
OWNER_ONLY = 0o600
_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class Signer:
    """A person with the private key, which nothing prints."""

    id: str
    _key: Ed25519PrivateKey = field(repr=False)

    @property
    def public_key(self) -> str:
        """As a policy holds it."""
        return KEY_PREFIX + base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def sign(self, data: bytes) -> str:
        """The base64 of the signature over the bytes."""
        return base64.b64encode(self._key.sign(data)).decode()


def new_signer(identity: str, key_file: Path | None) -> Signer:
    """Make a key and keep it, in the file where one is named, else in the keyring; never in the place of another."""
    signer = Signer(identity, Ed25519PrivateKey.generate())
    text = signer._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # noqa: SLF001 - kept here alone
    if key_file is not None:
        _write(key_file, text)
        return signer
    backend = _require_keyring()
    if _ask_keyring(backend, identity) is not None:
        raise invalid(f"the keyring has a key of `{line(identity)}`; `detent keys show` shows it", kind="KeyExists")
    _tell_keyring(backend, identity, text.decode())
    return signer


def load_signer(identity: str, key_file: Path | None) -> Signer:
    """The person's key, from the file where one is named, else from the keyring; says what to do without one."""
    if key_file is not None:
        return Signer(identity, _parse(_read(key_file), f"`{key_file}`"))
    text = _ask_keyring(_require_keyring(), identity)
    if text is None:
        message = f"the keyring has no key of `{line(identity)}`"
        raise usage(f"{message}: name its file with `--key-file`, or make one with `detent keys new`")
    return Signer(identity, _parse(text.encode(), "what the keyring has"))


def find_signer(identity: str) -> Signer | None:
    """The person's key from the keyring, null where there is no keyring, or no key in it."""
    backend = _keyring()
    text = None if backend is None else _ask_keyring(backend, identity)
    return None if text is None else Signer(identity, _parse(text.encode(), "what the keyring has"))


def keyring_name() -> str:
    """What the keyring calls itself."""
    return str(_require_keyring().name)


def _keyring() -> KeyringBackend | None:
    """The system's keyring, if there is a real one: headless machines have none, and say so by a priority."""
    import keyring  # noqa: PLC0415 - looking for backends takes a while, and few commands sign

    backend = keyring.get_keyring()
    try:
        usable = float(backend.priority) > 0
    except (RuntimeError, TypeError, ValueError):  # a backend says in this way that it does not work here
        return None
    return backend if usable else None


def _require_keyring() -> KeyringBackend:
    backend = _keyring()
    if backend is None:
        remedy = "keep the key in a file with `--key-file FILE`, outside of every workspace"
        raise usage(f"this system has no keyring: {remedy}")
    return backend


def _ask_keyring(backend: KeyringBackend, identity: str) -> str | None:
    from keyring.errors import KeyringError  # noqa: PLC0415 - as above

    try:
        return backend.get_password(SERVICE, identity)
    except KeyringError as error:
        raise _unusable(error) from error


def _tell_keyring(backend: KeyringBackend, identity: str, text: str) -> None:
    from keyring.errors import KeyringError  # noqa: PLC0415 - as above

    try:
        backend.set_password(SERVICE, identity, text)
    except KeyringError as error:
        raise _unusable(error) from error


def _unusable(error: Exception) -> CommandError:
    message = f"the system's keyring does not work: {line(error)}"
    return invalid(f"{message}; unlock it, or use `--key-file`", kind="KeyringError")


def _write(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, OWNER_ONLY)
    except FileExistsError as error:
        raise invalid(f"`{path}` is there already; a key is never written over", kind="KeyExists") from error
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, OWNER_ONLY)  # whatever the umask took away
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _read(path: Path) -> bytes:
    """The file's bytes, if nobody but its owner, who is us, can read or change it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise invalid(f"key file `{path}`: {(error.strerror or str(error)).lower()}", kind="FileError") from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _unsafe(path, "it is no plain file")
        if found.st_uid != os.geteuid():
            raise _unsafe(path, "it is somebody else's")
        if found.st_mode & _OTHERS:
            raise _unsafe(path, f"others may read or change it: run `chmod 600 {path}`")
        return os.read(descriptor, MAX_KEY_BYTES)
    finally:
        os.close(descriptor)


def _unsafe(path: Path, why: str) -> CommandError:
    return invalid(f"key file `{path}` is not used: {why}", kind="UnsafeKeyFile")


def _parse(data: bytes, where: str) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        message = f"{where} holds no private key in PEM without a password; `detent keys new` makes one"
        raise invalid(message, kind="InvalidKey") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise invalid(f"{where} holds a key that is not Ed25519; `detent keys new` makes one", kind="InvalidKey")
    return key
