"""The built-in tool that shows a model an image or a document of the workspace."""

from __future__ import annotations

from activities.tools.context import ToolContext
from activities.tools.declare import Effect, Media, Risk, ToolError, need, tool
from activities.tools.errors import show
from activities.tools.files import Path
from activities.tools.media import PDF_BYTES
from activities.tools.pictures import kind_of
from activities.tools.reading import read_file

_TEXT = "read text with `fs.read`"


@tool("fs.view", effect=Effect.READ, risk=Risk.LOW, timeout="30s", requires=[need("fs.read", arg="path")])
async def view(context: ToolContext, path: Path) -> Media:
    """Look at an image (PNG, JPEG, GIF or WebP of at most 5 MiB) or at a PDF document (at most 20 MiB)."""
    contents = await context.in_workspace(
        lambda tree, _: read_file(tree, context.access, path, PDF_BYTES, remedy=f"make it smaller, or {_TEXT}")
    )
    kind = kind_of(contents.data)
    if kind is None:
        raise ToolError(f"{show(path)}: it is no PNG, JPEG, GIF or WebP image and no PDF document; {_TEXT}")
    return Media(contents.data, kind, f"{show(path)}: {kind} of {len(contents.data)} bytes")
