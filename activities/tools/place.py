"""Where a file really is, and who says what may be done with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

Inode: TypeAlias = tuple[int, int]
"""Device and inode number, which stay the same however a file is reached."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file or directory after links were followed.

    `asked` is the path as it was asked for and `relative` the real one, both in their one spelling and
    relative to the workspace; `absolute` the real one from `/`. `inodes` are its own, where it exists,
    and those of the directories above it up to the workspace.
    """

    asked: str
    relative: str
    absolute: str
    inodes: frozenset[Inode]


class Access(Protocol):
    """What one call may do with files; the edge gives it, tools ask it about every file they touch."""

    def may_read(self, place: Place) -> None:
        """Raise `ApplicationError` of type `PolicyDenied` unless the file may be read."""
        ...

    def may_write(self, place: Place) -> None:
        """Raise `ApplicationError` of type `PolicyDenied` unless the file may be written."""
        ...

    def shows(self, place: Place) -> bool:
        """Whether the file may be among the results of a pattern; what may not is skipped and counted."""
        ...

    def enters(self, place: Place) -> bool:
        """Whether a pattern may look into the directory; false only where nothing in it could be shown."""
        ...
