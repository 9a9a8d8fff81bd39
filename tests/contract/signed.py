"""A tenant whose people sign: their keys in files, a policy that knows them, and a command line for each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.command_line import CommandLine, Done, environ

GRAPHS = Path(__file__).parent / "graphs"
ROLES = {"ada": ["operator"], "bob": ["operator"], "carl": ["operator"], "eve": ["guest"]}


@dataclass(frozen=True, slots=True)
class People:
    """A directory with graphs, keys and a policy; whoever calls `detent` there signs with a key of their own."""

    cli: CommandLine

    def says(self, who: str, *words: str) -> Done:
        """What `detent` does for this person."""
        return self.cli(*words, "--as", who, "--key-file", self.key(who))

    def starts(self, graph: str, *words: str, code: int = 4) -> Any:  # noqa: ANN401 - the view, as JSON
        """A run that carl has started, and signed for, as far as it came."""
        signed = ("--as", "carl", "--key-file", self.key("carl"))
        return self.cli.json("run", graph, *words, *signed, code=code)

    def key(self, who: str) -> str:
        return str(self.cli.directory / f"{who}.pem")

    def view(self, run: str) -> Any:  # noqa: ANN401 - the view, as JSON
        return self.cli.json("show", run)

    def policy(self, name: str, **tenant: Any) -> str:
        """A policy file of this name, in which all of them are known."""
        people = [
            {"id": who, "roles": roles, "public_key": self.cli.json("keys", "show", who, "--key-file", self.key(who))}
            for who, roles in ROLES.items()
        ]
        for person in people:
            person["public_key"] = person["public_key"]["public_key"]
        document = {
            "policy": "signed",
            "version": 1,
            "tenants": {"default": {**TENANT, **tenant}},
            "triggers": TRIGGERS,
            "answerers": {"require_signature": True, "people": people},
            "approvals": {"tenant": "allow", "max": "30d"},
        }
        path = self.cli.directory / name
        path.write_text(json.dumps(document))
        return str(path)


TENANT: dict[str, object] = {
    "allow": [{"tool": ["*"]}, {"fs.read": ["**"]}, {"fs.write": ["out/**", "guarded/**"]}],
    "grantable": [{"fs.write": ["more/**"]}],
    "protected": ["guarded/**"],
    "budgets": {"tenant": None},
    "risk": {"tools": {"fs.write": "high"}},
}
ASKED = {"ui": "modal", "deadline": "1h", "on_timeout": "deny", "answerers": ["role:operator"]}
TRIGGERS = {
    "on_risky_tool": ASKED,
    "on_capability": ASKED,
    "on_protected_path": {**ASKED, "quorum": 2, "not_starter": True},
}


def people_of(address: str, task_queue: str, directory: Path) -> People:
    """The people, with new keys."""
    (directory / "workspace").mkdir()
    for graph in GRAPHS.glob("*.yaml"):
        (directory / graph.name).write_bytes(graph.read_bytes())
    found = People(CommandLine(environ(address, task_queue, directory), directory))
    for who in ROLES:
        done = found.cli("keys", "new", who, "--key-file", found.key(who))
        assert done.returncode == 0, done.stderr
    return found
