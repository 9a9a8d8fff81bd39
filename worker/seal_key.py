"""The deployment's seal keys: where a worker finds them, and how the first one is made."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from activities.seal import KEY_BYTES, SealKeys
from policies.errors import DocumentError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

KEY = "DETENT_SEAL_KEY"
PREVIOUS = "DETENT_SEAL_KEY_PREVIOUS"
FILE_SUFFIX = "_FILE"
PIPE = "DETENT_SEAL_KEY_FD"
"""Names the descriptor that a worker reads its keys from, a line each; for the program that started it."""
NAMES = (KEY, PREVIOUS, KEY + FILE_SUFFIX, PREVIOUS + FILE_SUFFIX, PIPE)
MOST_BYTES = 4096
MODE = 0o600
HOW_TO_MAKE = "make one with `openssl rand -base64 32` and give the same to every worker (docs/operations.md)"


def seal_keys(environ: Mapping[str, str]) -> SealKeys | None:
    """The keys that the environment names, null for none; `DocumentError` for what is no key or is open to others."""
    if environ.get(PIPE):
        return _from_pipe(int(environ[PIPE]))
    current, previous = key_named(environ, KEY), key_named(environ, PREVIOUS)
    if current is None:
        if previous is not None:
            raise _wrong("is set without the key that follows it", PREVIOUS, f"set {KEY} too")
        return None
    return SealKeys(current, previous)


def require_seal_keys(keys: SealKeys | None) -> SealKeys:
    """The keys; `DocumentError` that says what to do where there are none."""
    if keys is None:
        raise _wrong(
            "is not set: without it a worker cannot tell its deployment's runs from anybody else's", KEY, HOW_TO_MAKE
        )
    return keys


def key_files(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The files that hold keys: no tool may touch them."""
    found = [environ.get(name + FILE_SUFFIX) for name in (KEY, PREVIOUS)]
    return tuple(Path(name).expanduser().absolute() for name in found if name)


def forget(environ: MutableMapping[str, str]) -> None:
    """Take the keys out of an environment, so that no program which is started from here on inherits them."""
    for name in NAMES:
        environ.pop(name, None)


def make_or_read(path: Path) -> SealKeys:
    """The key of a state directory, made at the first time; the file appears whole, readable for its owner alone."""
    if not path.exists():
        try:
            _make(path)
        except OSError as error:
            words = f"cannot be made: {(error.strerror or str(error)).lower()}"
            raise _wrong(words, KEY, "make the directory writable", str(path)) from None
    return SealKeys(_read_file(path, KEY + FILE_SUFFIX))


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # somebody was faster, and theirs stands
            os.link(temporary, path)
    finally:
        temporary.unlink()


def fresh() -> SealKeys:
    """A key for a server in memory, which it does not outlive."""
    return SealKeys(secrets.token_bytes(KEY_BYTES))


def pipe_of(keys: SealKeys) -> int:
    """A descriptor from which a child reads the keys, once; whoever asks closes it."""
    reading, writing = os.pipe()
    lines = [base64.b64encode(key) + b"\n" for key in (keys.current, keys.previous) if key is not None]
    os.write(writing, b"".join(lines))
    os.close(writing)
    return reading


def _from_pipe(descriptor: int) -> SealKeys:
    with os.fdopen(descriptor, "rb") as file:
        lines = file.read(MOST_BYTES).decode("ascii", "replace").split()
    keys = [_decode(line, PIPE) for line in lines]
    if not keys:
        raise _wrong("gives no key", PIPE, f"leave it out and set {KEY}")
    return SealKeys(*keys[:2])


def key_named(environ: Mapping[str, str], name: str) -> bytes | None:
    """The 32 bytes in a variable, or in the file that `<name>_FILE` names; null where neither is set."""
    text, file = environ.get(name), environ.get(name + FILE_SUFFIX)
    if text and file:
        raise _wrong(f"and {name}{FILE_SUFFIX}: both are set", name, "set one of them")
    if text:
        return _decode(text, name)
    return _read_file(Path(file).expanduser(), name + FILE_SUFFIX) if file else None


def _read_file(path: Path, name: str) -> bytes:
    """The key in a file that nobody else can read or could have written."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        words = f"cannot be read: {(error.strerror or str(error)).lower()}"
        raise _wrong(words, name, "name the file that holds the key, and no link to it", str(path)) from None
    try:
        _check_private(os.fstat(descriptor), name, str(path))
        text = os.read(descriptor, MOST_BYTES).decode("ascii", "replace")
    finally:
        os.close(descriptor)
    return _decode(text, name, str(path))


def _check_private(status: os.stat_result, name: str, path: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _wrong("is not a file", name, "name the file that holds the key", path)
    if status.st_uid != os.geteuid():
        raise _wrong("belongs to another user than the worker's", name, "chown it", path)
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise _wrong("can be read or written by others", name, "chmod 600 it", path)


def _decode(text: str, name: str, file: str | None = None) -> bytes:
    """The key of a text; the messages never hold it."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise _wrong(f"is not the base64 of {KEY_BYTES} bytes", name, HOW_TO_MAKE, file)
    return key


def _wrong(message: str, name: str, remedy: str, file: str | None = None) -> DocumentError:
    return DocumentError((Problem("seal_key", message, name, remedy, file),))
