"""Opening beneath a directory one component at a time, where there is no `openat2`.

The system never follows a link for us (`O_NOFOLLOW`): a link's text is read and walked like the rest of
the path, and `..` goes back to a directory that is still open. So nothing that is swapped in between
can lead out.
"""

from __future__ import annotations

import errno
import os

MAX_LINKS = 40
"""As many as Linux follows."""

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
_IDLE = frozenset({"", "."})
_LINK_ERRORS = frozenset({errno.ELOOP, errno.ENOTDIR, errno.EMLINK})
"""What systems say of a link that they were told not to follow."""


def open_beneath(root_fd: int, path: str, flags: int) -> tuple[int, str]:
    """Open a path beneath the root; gives the descriptor and the real path relative to the root.

    `OSError` as from `open`, with EXDEV for what leads out of the root. `flags` may not create.
    """
    if path.startswith("/"):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
    walk = _Walk(root_fd, flags | os.O_CLOEXEC)
    try:
        return walk.run(path.split("/"))
    finally:
        walk.close()


class _Walk:
    """Where a walk stands: the names and open directories from the root down to where it is."""

    def __init__(self, root_fd: int, flags: int) -> None:
        self._root_fd = root_fd
        self._flags = flags
        self._above: list[tuple[str, int]] = []
        self._arrived = False
        self._links = 0

    def run(self, pending: list[str]) -> tuple[int, str]:
        while pending:
            name, *pending = pending
            if name == "..":
                self._leave()
            elif name not in _IDLE:
                pending = self._enter(name, pending)
        path = "/".join(name for name, _ in self._above) or "."
        if self._arrived:
            return self._above.pop()[1], path
        return os.open(".", self._flags, dir_fd=self._here), path

    def close(self) -> None:
        while self._above:
            self._leave()

    @property
    def _here(self) -> int:
        return self._above[-1][1] if self._above else self._root_fd

    def _leave(self) -> None:
        if not self._above:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        os.close(self._above.pop()[1])

    def _enter(self, name: str, pending: list[str]) -> list[str]:
        """Open one component, and give what is still to come: more than before if it is a link."""
        last = _IDLE.issuperset(pending)
        flags = self._flags | (os.O_DIRECTORY if pending else 0) if last else _DIRECTORY
        try:
            descriptor = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._here)
        except OSError as error:
            if error.errno not in _LINK_ERRORS:
                raise
            return [*self._target(name, error).split("/"), *pending]
        self._above.append((name, descriptor))
        self._arrived = last
        return pending

    def _target(self, name: str, refusal: OSError) -> str:
        """The text of a link; the refusal itself if it was for another reason than that this is a link."""
        self._links += 1
        if self._links > MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        try:
            target = os.readlink(name, dir_fd=self._here)
        except OSError:
            raise refusal from None
        if target.startswith("/"):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return target
