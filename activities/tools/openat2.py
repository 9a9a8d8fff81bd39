"""Opening beneath a directory with Linux's `openat2`: the kernel itself refuses whatever would leave it."""

from __future__ import annotations

import ctypes
import errno
import os
from functools import cache

SYSCALL = 437
"""The same on every architecture; Linux 5.6 and newer."""

BENEATH, NO_MAGICLINKS = 0x08, 0x02
MAX_RETRIES = 1000
"""The kernel gives up (EAGAIN) when directories are renamed meanwhile; an attacker can make that last."""


class _How(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def open_beneath(root_fd: int, path: str, flags: int) -> tuple[int, str]:
    """Open a path beneath the root; gives the descriptor and the real path relative to the root.

    `OSError` as from `open`, with EXDEV for what leads out of the root and ELOOP for magic links. `flags`
    may not create.
    """
    descriptor = _openat2(root_fd, os.fsencode(path), flags | os.O_CLOEXEC)
    try:
        return descriptor, _real(root_fd, descriptor)
    except BaseException:
        os.close(descriptor)
        raise


@cache
def available() -> bool:
    """Whether this system really has it (old kernels and some sandboxes do not) and tells a descriptor's path."""
    try:
        root_fd = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            descriptor, real = open_beneath(root_fd, ".", os.O_RDONLY | os.O_DIRECTORY)
            os.close(descriptor)
        finally:
            os.close(root_fd)
    except (OSError, AttributeError):
        return False
    return real == "."


def _openat2(root_fd: int, path: bytes, flags: int) -> int:
    if b"\0" in path:  # C would end the path here and open another file
        raise OSError(errno.EINVAL, "a path has no NUL")
    how = _How(flags, 0, BENEATH | NO_MAGICLINKS)
    for _ in range(MAX_RETRIES):
        ctypes.set_errno(0)
        result: int = _syscall()(SYSCALL, root_fd, path, ctypes.byref(how), ctypes.sizeof(how))
        if result >= 0:
            return result
        code = ctypes.get_errno()
        if code not in {errno.EAGAIN, errno.EINTR}:
            raise OSError(code, os.strerror(code))
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))


@cache
def _syscall() -> ctypes._NamedFuncPointer:
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    syscall.restype = ctypes.c_long
    syscall.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t)
    return syscall


def _real(root_fd: int, descriptor: int) -> str:
    """The path of what was opened, as the kernel knows it; asked again if the root is renamed meanwhile."""
    for _ in range(MAX_RETRIES):
        base, full = _path_of(root_fd), _path_of(descriptor)
        if full == base:
            return "."
        prefix = base.rstrip("/") + "/"
        if full.startswith(prefix):
            return full[len(prefix) :]
    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


def _path_of(descriptor: int) -> str:
    return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 - asked twice for every file; a Path doubles its cost
