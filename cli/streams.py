"""The three standard streams, made fit to be written to whatever whoever started us did with them."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper


def mend_streams() -> None:
    """Open what was closed (`>&-`) on nothing, and write what the terminal's encoding lacks as an escape.

    A closed one must not stay so: the next socket would get its descriptor, and be printed into.
    """
    for descriptor, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free descriptor, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - a descriptor, for good
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
