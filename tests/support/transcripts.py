"""Reads, runs and writes the engine's transcripts (tests/scenarios/README.md)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.cards import policy_document, run_card
from tests.support.simulator import Simulator
from workflows.language.yaml import load

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Transcript:
    """A file taken apart: its head as it stands, and the events with what was expected of each."""

    head: str
    document: dict[str, object]
    tenant: dict[str, object]
    run_input: object
    exchanges: list[tuple[str, list[str]]]


def read(path: Path) -> Transcript:
    """Parse a transcript; `ValueError` for a line that does not belong."""
    lines = path.read_text().splitlines()
    graph, rest = _block(lines, "graph")
    head = lines[: len(lines) - len(rest)]
    tenant: dict[str, object] = {}
    run_input: object = None
    if rest and rest[0] == "policy":
        block, rest = _block(rest, "policy")
        tenant = _mapping(load(block, None).data)
    if rest and rest[0].startswith("input "):
        run_input = json.loads(rest[0].removeprefix("input "))
        rest = rest[1:]
    head = lines[: len(lines) - len(rest)]
    document = _mapping(load(graph, str(path)).data)
    return Transcript("\n".join(head).rstrip(), document, tenant, run_input, _exchanges(rest))


def _mapping(data: object) -> dict[str, object]:
    assert isinstance(data, dict)
    return data


def _block(lines: list[str], name: str) -> tuple[str, list[str]]:
    if lines[0] != name:
        raise ValueError(f"expected `{name}`, got `{lines[0]}`")
    end = lines.index(f"end {name}")
    return "\n".join(lines[1:end]) + "\n", lines[end + 1 :]


def _exchanges(lines: list[str]) -> list[tuple[str, list[str]]]:
    exchanges: list[tuple[str, list[str]]] = []
    for block in "\n".join(lines).strip().split("\n\n"):
        rows = block.splitlines()
        if len(rows) > 1 and rows[1] != "----":
            raise ValueError(f"expected `----` under `{rows[0]}`")
        exchanges.append((rows[0], rows[2:]))
    return exchanges


def play(transcript: Transcript) -> list[tuple[str, list[str]]]:
    """Run the events and give what came out."""
    card = run_card(policy_document(**transcript.tenant))
    run = Simulator(transcript.document, card, transcript.run_input)
    return [(event, run.say(event)) for event, _ in transcript.exchanges]


def write(path: Path, transcript: Transcript, exchanges: list[tuple[str, list[str]]]) -> None:
    """Write a transcript with new answers."""
    blocks = ["\n".join([event, "----", *rows]) for event, rows in exchanges]
    path.write_text(transcript.head + "\n\n" + "\n\n".join(blocks) + "\n")
