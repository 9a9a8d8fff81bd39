"""What a tool is given besides its arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from activities.tools.confine import Tree, Workspace, spell_file
from activities.tools.finding import Finder
from activities.tools.offload import Stop, in_thread
from activities.tools.place import Access, Inode
from activities.tools.reading import read_file
from activities.tools.replacing import Draft, find_target, write_file

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ToolContext:
    """One attempt of one call: where it works, what it may touch, and how it says that it is alive.

    `idempotency_key` (64 hex digits) is the same for every attempt; `attempt` starts at 1; `timeout_s` is the
    time that the attempt has; `heartbeat` may be called from any thread. Paths are relative to the workspace;
    what the policy does not grant raises `ApplicationError`, what cannot be done `ToolError`.
    """

    workspace: Workspace
    access: Access
    idempotency_key: str
    attempt: int
    timeout_s: float
    heartbeat: Callable[..., None]

    async def read_bytes(self, path: str) -> bytes:
        """A whole file."""
        return await self.in_workspace(lambda tree, _: read_file(tree, self.access, path).data)

    async def write_bytes(self, path: str, data: bytes) -> None:
        """Replace or make a file, whole or not at all."""
        await self.in_workspace(lambda tree, _: write_file(tree, self.access, path, self.draft(data)))

    async def find(self, pattern: str) -> list[str]:
        """The files that match a pattern and may be shown, by path."""
        return await self.in_workspace(
            lambda tree, stop: [found.path for found in Finder(tree, self.access, stop).find(pattern)]
        )

    def allow_read(self, path: str) -> str:
        """The real path of a file that the tool is about to read by other means; raises unless it may."""
        spelled = spell_file(path)
        with self.workspace.open() as tree, tree.file(spelled) as opened:
            self.access.may_read(opened.place)
            return opened.place.relative

    def allow_write(self, path: str) -> str:
        """The real path of a file that the tool is about to write by other means; raises unless it may."""
        with self.workspace.open() as tree:
            place = find_target(tree, spell_file(path)).place
            self.access.may_write(place)
            return place.relative

    def draft(self, data: bytes, *, instead_of: Inode | None = None) -> Draft:
        """What `write_file` is to write for this attempt."""
        return Draft(data, self.idempotency_key, self.attempt, instead_of)

    async def in_workspace(self, work: Callable[[Tree, Stop], T]) -> T:
        """Run blocking work on the open workspace in a thread."""

        def opened(stop: Stop) -> T:
            with self.workspace.open() as tree:
                return work(tree, stop)

        return await in_thread(opened)
