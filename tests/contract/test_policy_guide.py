"""What the guide to policies shows works: each policy loads, each command that it names is there with its options."""

from __future__ import annotations

import base64
import re
from functools import cache
from pathlib import Path

import click
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cli.main import load
from policies.document import parse_policy

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
POLICIES = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
COMMANDS = [" ".join(span.split()) for span in re.findall(r"`(detent [^`]+)`", GUIDE)]


@cache
def _key(name: str) -> str:
    public = Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b".")).public_key()
    return "ed25519:" + base64.b64encode(public.public_bytes_raw()).decode()


def test_there_is_something_to_try() -> None:
    assert len(POLICIES) >= 3
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("text", POLICIES, ids=lambda text: text.split()[1])
def test_its_policies_load_once_the_keys_are_filled_in(text: str) -> None:
    filled = re.sub(r"ed25519:([A-Z]+)", lambda found: _key(found.group(1)), text)
    assert parse_policy(yaml.safe_load(filled)).tenants


def test_everybody_in_it_has_a_key_of_their_own() -> None:
    named = re.findall(r'id: (\w+), .*"ed25519:([A-Z]+)"', GUIDE)
    assert [key for _, key in named] == [name.upper() for name, _ in named]


@pytest.mark.parametrize("text", COMMANDS)
def test_its_commands_and_their_options_are_there(text: str) -> None:
    name, words = text.split()[1], text.split()[2:]
    command = load(name)
    context = click.Context(command, info_name=name)
    while isinstance(command, click.Group):
        assert words, text
        found = command.get_command(context, words.pop(0))
        assert found is not None, text
        command = found
    known = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known
