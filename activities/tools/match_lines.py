"""The program that matches lines against a regular expression, alone in a process that can be killed.

Standard input is one line of JSON with the pattern and the limits, then batches: a line of JSON
`{"sizes": [...], "most": n}` and the bytes of the files. Each is answered on standard output by a line with
a length and that many bytes of JSON. It imports nothing of ours: it is started without a search path.
"""

from __future__ import annotations

import json
import re
import resource
import sys
from contextlib import suppress

MAX_LINE_CHARS = 500


def main() -> None:
    """Serve batches until the input ends."""
    head = json.loads(sys.stdin.buffer.readline())
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, head["memory_bytes"])
    _limit(resource.RLIMIT_CPU, head["cpu_s"])
    try:
        pattern = re.compile(head["pattern"])
    except (re.error, OverflowError, RecursionError) as error:
        _answer({"error": f"it is no regular expression: {error}"})
        return
    _answer({})
    while line := sys.stdin.buffer.readline():
        batch = json.loads(line)
        _answer(_search(pattern, [sys.stdin.buffer.read(size) for size in batch["sizes"]], batch["most"]))


def _search(pattern: re.Pattern[str], files: list[bytes], most: int) -> dict[str, object]:
    """The first `most` matches, as [file, line, text], and how many of the files are no text."""
    matches: list[tuple[int, int, str]] = []
    not_text = 0
    for index, data in enumerate(files):
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            not_text += 1
            continue
        for number, line in enumerate(text.split("\n"), 1):
            if len(matches) < most and pattern.search(line.removesuffix("\r")):
                matches.append((index, number, _cut(line.removesuffix("\r"))))
    return {"matches": matches, "not_text": not_text}


def _cut(line: str) -> str:
    if len(line) <= MAX_LINE_CHARS:
        return line
    return f"{line[:MAX_LINE_CHARS]}… (cut, {len(line)} characters)"


def _answer(value: dict[str, object]) -> None:
    data = json.dumps(value, ensure_ascii=False).encode()
    sys.stdout.buffer.write(b"%d\n%s" % (len(data), data))
    sys.stdout.buffer.flush()


def _limit(which: int, amount: int) -> None:
    with suppress(ValueError, OSError):  # a system without this limit still has the parent's clock
        resource.setrlimit(which, (amount, amount))


if __name__ == "__main__":
    main()
