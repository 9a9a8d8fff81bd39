"""`detent keys`: the private keys that people sign with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.context import Session, global_options, pass_session
from cli.exits import usage
from cli.groups import SubGroup
from cli.keystore import keyring_name, load_signer, new_signer
from cli.options import FILE
from policies.answerer_entries import read_person_id
from policies.reading import Reader
from policies.signing import fingerprint

if TYPE_CHECKING:
    from cli.keystore import Signer

_key_file = click.option(
    "--key-file", type=FILE, metavar="F", help="The file of the private key; without it the system's keyring is used."
)


@click.group(cls=SubGroup)
@global_options
def keys() -> None:
    """The private keys that people sign with."""


@keys.command()
@click.argument("identity", metavar="ID")
@_key_file
@global_options
@pass_session
def new(session: Session, identity: str, key_file: Path | None) -> None:
    """Make a key, and print what an operator puts into the policy.

    The private key goes into the system's keyring, or into a new file with mode 0600. It is never printed.
    """
    reader = Reader()
    if read_person_id(reader, identity, "ID") is None:
        raise usage("; ".join(str(problem) for problem in reader.problems))
    place = f"`{key_file}`" if key_file is not None else f"the keyring ({keyring_name()})"
    signer = new_signer(identity, key_file)
    session.note(f"the private key of {identity} is in {place}; the operator adds this to `answerers.people`:")
    _print(session, signer)


@keys.command()
@click.argument("identity", metavar="ID")
@_key_file
@global_options
@pass_session
def show(session: Session, identity: str, key_file: Path | None) -> None:
    """Show the public half of a key."""
    _print(session, load_signer(identity, key_file))


def _print(session: Session, signer: Signer) -> None:
    key, short = signer.public_key, fingerprint(signer.public_key)
    if session.as_json:
        session.print_json({"id": signer.id, "public_key": key, "fingerprint": short})
    else:
        session.answer(f'- {{id: "{signer.id}", roles: [], public_key: "{key}"}}')
        session.note(f"fingerprint {short}")
