"""Who speaks on a command line, and what that person signs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.exits import invalid, usage
from cli.identity import claimed_id
from cli.options import FILE
from policies.signing import Unsignable, answer_bytes, control_bytes, start_bytes
from policies.units import read_span
from workflows.contracts.run import Starter
from workflows.engine.clock import rfc3339

if TYPE_CHECKING:
    from cli.keystore import Signer
    from workflows.contracts.pause import Answer, Control

LIFE_MS = {"once": 3_600_000, "run": 86_400_000, "tenant": 86_400_000}
"""How long what is signed may be used, where `--expires` does not say. A run's approval ends with it."""

C = TypeVar("C", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Voice:
    """A person's id, claimed, or proved by the key that a file or the keyring has. `life_ms` null is the default."""

    named: str | None = None
    key_file: Path | None = None
    life_ms: int | None = None

    @property
    def id(self) -> str:
        """The id given with `--as`, else the login's name."""
        return claimed_id(self.named)

    def signer(self, *, needed: bool) -> Signer | None:
        """The key: of the file that was named, else the keyring's where a signature is needed; null for a claim."""
        from cli.keystore import load_signer  # noqa: PLC0415 - few answers are signed

        if self.named is None:
            if needed:
                raise usage("a signature is needed here: sign with `--as ID --key-file FILE`")
            return None
        return load_signer(self.named, self.key_file) if needed or self.key_file is not None else None

    def sign_answer(self, answer: Answer, *, needed: bool) -> Answer:
        """The answer, signed where a key was named or a signature is needed."""
        signer = self.signer(needed=needed or answer.scope == "tenant")
        if signer is None:
            return answer
        said = answer.model_copy(update=self._times(answer.scope))
        signature = signer.sign(signable(answer_bytes, said.model_dump(mode="json", exclude_none=True)))
        return said.model_copy(update={"signature": signature})

    def sign_control(self, control: Control, *, needed: bool, **run: str) -> Control:
        """The control of the run, signed likewise; `run` is what `policies.signing.control_bytes` wants to know."""
        signer = self.signer(needed=needed) or self._from_keyring()
        if signer is None:
            return control
        said = control.model_copy(update=self._times("once"))
        data = signable(lambda given: control_bytes(given, **run), said.model_dump(mode="json", exclude_none=True))
        return said.model_copy(update={"signature": signer.sign(data)})

    def starter(self, *, allow_gaps: bool = False, **run: str) -> Starter | None:
        """Who starts a run, signed where there is a key; null where nobody is named."""
        if self.named is None:
            return None
        signer = self.signer(needed=False) or self._from_keyring()
        if signer is None:
            return Starter(by=self.named)
        issued_at = rfc3339(_now_ms())
        signature = signer.sign(start_bytes(by=self.named, issued_at=issued_at, allow_gaps=allow_gaps, **run))
        return Starter(by=self.named, issued_at=issued_at, signature=signature)

    def _from_keyring(self) -> Signer | None:
        """Whether a signature is needed is not known here: one is given where that takes nothing more than a name."""
        from cli.keystore import find_signer  # noqa: PLC0415 - as above

        return None if self.named is None else find_signer(self.named)

    def _times(self, scope: str) -> dict[str, str]:
        now_ms = _now_ms()
        life_ms = LIFE_MS[scope] if self.life_ms is None else self.life_ms
        return {"issued_at": rfc3339(now_ms), "expires_at": rfc3339(now_ms + life_ms)}


def signable(make: Callable[[dict[str, object]], bytes], said: dict[str, object]) -> bytes:
    """The bytes to sign; what has no one form is exit 7, with what to write instead."""
    try:
        return make(said)
    except Unsignable as error:
        raise invalid(f"this cannot be signed: {error}", kind="Unsignable") from error


def voice_options(command: C) -> C:
    """Add `--as` and `--key-file`."""
    key_file = click.option("--key-file", type=FILE, metavar="F", help="Sign with the private key in this file.")
    named = click.option("--as", "identity", metavar="ID", help="Who you are (default: the login's name).")
    return key_file(named(command))


def voice_of(identity: str | None, key_file: Path | None, expires: str | None = None) -> Voice:
    """The voice that the options ask for."""
    if key_file is not None and identity is None:
        raise usage("`--key-file` proves who you are: say who with `--as ID`")
    if expires is None:
        return Voice(identity, key_file)
    try:
        life_ms = read_span(expires)
    except ValueError as error:
        raise usage(f"`--expires {expires}` {error}") from error
    return Voice(identity, key_file, life_ms)


def _now_ms() -> int:
    return round(time.time() * 1000)
