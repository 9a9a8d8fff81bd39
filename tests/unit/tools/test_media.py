"""What a tool may give for a model to look at, and `fs.view`, which gives it from the workspace."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import cast

import pytest
from temporalio.exceptions import ApplicationError

from activities.tools.declare import Effect, Media, Risk, Tool, ToolContext, tool
from activities.tools.media import IMAGE_BYTES, NOTE_BYTES, PDF_BYTES, flaw_of
from activities.tools.pictures import kind_of, sides_of
from tests.support.pictures import PDF, gif, jpeg, png, webp
from tests.unit.tools.access import Everything
from tests.unit.tools.calls import TOOLS, Caller, policy, rule

PICTURES = [
    ("image/png", png()),
    ("image/jpeg", jpeg()),
    ("image/jpeg", jpeg(2, 3, b"\xff\xff\xfe\0\4ab", b"\xff\x01")),
    ("image/gif", gif()),
    ("image/webp", webp(b"VP8 ")),
    ("image/webp", webp(b"VP8L")),
    ("image/webp", webp(b"VP8X")),
]
WAVE = b"RIFF" + struct.pack("<I", 4) + b"WAVEfmt "


async def looked(call: Caller, path: str) -> Media:
    """What `fs.view` gives, past the edge."""
    found = TOOLS.get("fs.view")
    assert found is not None
    access = call.edge.check_tool(call.proven(found, {"path": path}), found.card, call.scene)
    context = ToolContext(call.workspace, access, "0" * 64, 1, 20.0, lambda *_: None)
    return cast("Media", await found.call(context, {"path": path}))


async def fault(call: Caller, path: str) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await looked(call, path)
    return caught.value


@pytest.mark.parametrize(("kind", "data"), PICTURES)
def test_a_picture_is_known_by_its_bytes_with_its_sides(kind: str, data: bytes) -> None:
    assert kind_of(data) == kind
    assert sides_of(data, kind) == (2, 3)
    assert flaw_of(Media(data, kind)) is None


@pytest.mark.parametrize("data", [b"", b"\x89PNG", b"text", b"<svg/>", WAVE, b"xxxxxxxxWEBP", b" %PDF-1.7"])
def test_other_bytes_are_of_no_kind(data: bytes) -> None:
    assert kind_of(data) is None


@pytest.mark.parametrize(("kind", "data"), PICTURES)
def test_a_picture_that_is_cut_off_is_refused_and_none_is_misread(kind: str, data: bytes) -> None:
    for length in range(len(data)):
        part = data[:length]
        if kind_of(part) == kind:
            assert sides_of(part, kind) in {None, (2, 3)}
    least = next(length for length in range(len(data) + 1) if kind_of(data[:length]) == kind)
    assert flaw_of(Media(data[:least], kind)) == f"its result cannot be read as {kind}: it is damaged"


def test_a_jpeg_without_a_frame_is_damaged() -> None:
    for data in (b"\xff\xd8\xff\xda\0\2abc", b"\xff\xd8\xff" + b"\xff" * 50, jpeg()[:-19] + b"x" * 19):
        assert sides_of(data, "image/jpeg") is None
    assert sides_of(webp(b"VP8X").replace(b"VP8X", b"ALPH"), "image/webp") is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Media(b"x", "image/svg+xml"), "of type `image/svg+xml`; a model can be shown image/gif, image/jpeg"),
        (Media(gif(), "image/png"), "said to be image/png, but its bytes are image/gif"),
        (Media(b"text", "application/pdf"), "its bytes are of no kind that a model can be shown"),
        (Media(png() + bytes(IMAGE_BYTES), "image/png"), "over the limit of 5242880 for image/png; make it smaller"),
        (Media(PDF + bytes(PDF_BYTES), "application/pdf"), "over the limit of 20971520 for application/pdf"),
        (Media(gif(8001, 1), "image/gif"), "has 8001 × 1 pixels, over the limit of 8000 on a side"),
        (Media(gif(0, 1), "image/gif"), "it is damaged"),
        (Media(png(), "image/png", "é" * (NOTE_BYTES // 2 + 1)), "its note has 2050 bytes, over the limit of 2048"),
    ],
)
def test_what_no_model_can_be_shown_is_refused_with_words(given: Media, words: str) -> None:
    assert words in (flaw_of(given) or "")


@pytest.mark.parametrize(
    "given",
    [
        Media(png() + bytes(IMAGE_BYTES - len(png())), "image/png", "n" * NOTE_BYTES),
        Media(PDF + bytes(PDF_BYTES - len(PDF)), "application/pdf"),
        Media(gif(8000, 8000), "image/gif"),
    ],
)
def test_limits_are_sharp(given: Media) -> None:
    assert flaw_of(given) is None


def test_something_is_always_said_of_it_and_its_bytes_are_in_no_traceback() -> None:
    assert Media(PDF, "application/pdf", " ").said == f"application/pdf of {len(PDF)} bytes"
    assert Media(PDF, "application/pdf", "A plan.").said == "A plan."
    assert "Catalog" not in repr(Media(PDF, "application/pdf"))


def giving(given: object) -> Tool:
    @tool("plan.draw", effect=Effect.READ, risk=Risk.LOW, timeout="5s")
    async def draw(context: ToolContext) -> object:
        """Draw."""
        return given

    return draw


async def test_a_tool_of_anybody_gives_media_and_a_bad_one_is_its_failure(tmp_path: Path) -> None:
    context = ToolContext(Caller(tmp_path).workspace, Everything(), "0" * 64, 1, 5.0, lambda *_: None)
    good = Media(png(), "image/png")
    assert await giving(good).call(context, {}) is good
    for bad in (Media(b"", "image/png"), [good], {"plan": good}):
        with pytest.raises(ApplicationError, match=r"tool `plan\.draw`: its result") as caught:
            await giving(bad).call(context, {})
        assert caught.value.type == "ToolFailed"


@pytest.mark.parametrize(("name", "kind", "data"), [("a.txt", *PICTURES[0]), ("b.png", "application/pdf", PDF)])
async def test_view_goes_by_what_the_file_holds_and_not_by_its_name(
    tmp_path: Path, name: str, kind: str, data: bytes
) -> None:
    (tmp_path / name).write_bytes(data)
    assert await looked(Caller(tmp_path), name) == Media(data, kind, f"`{name}`: {kind} of {len(data)} bytes")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<svg/>", "`a.png`: it is no PNG, JPEG, GIF or WebP image and no PDF document; read text with `fs.read`"),
        (b"", "read text with `fs.read`"),
        (PDF + bytes(PDF_BYTES), "over the limit of 20971520; make it smaller, or read text with `fs.read`"),
        (png() + bytes(IMAGE_BYTES), "over the limit of 5242880 for image/png; make it smaller"),
        (gif(9000, 9000), "has 9000 × 9000 pixels"),
    ],
)
async def test_view_refuses_what_it_cannot_show(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "a.png").write_bytes(data)
    error = await fault(Caller(tmp_path), "a.png")
    assert (error.type, error.non_retryable) == ("ToolFailed", True)
    assert error.message.startswith("tool `fs.view`: ")
    assert words in error.message


async def test_view_shows_a_file_of_any_name(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["図" * 80] * 3)
    deep.mkdir(parents=True)
    (deep / "a.png").write_bytes(png())
    assert (await looked(Caller(tmp_path), str(deep.relative_to(tmp_path) / "a.png"))).data == png()


async def test_view_needs_the_right_to_read_the_file_and_stays_in_the_workspace(tmp_path: Path) -> None:
    root = tmp_path / "work"
    (root / "docs").mkdir(parents=True)
    (root / "a.png").write_bytes(png())
    (root / "docs" / "link.png").symlink_to("../a.png")
    (tmp_path / "out.png").write_bytes(png())
    (root / "out.png").symlink_to(tmp_path / "out.png")
    allowed = policy(allow=[{"tool": ["fs.view"]}, {"fs.read": ["docs/**"]}])
    assert (await looked(Caller(root), "docs/link.png")).data == png()  # the built-in policy allows it
    for path in ("a.png", "docs/link.png"):
        assert rule(await fault(Caller(root, allowed), path)) == "capability.not_granted"
    assert rule(await fault(Caller(root), "out.png")) == "workspace.outside"
