"""Conversations: strategies for arbitrary ones, and builders for those that a run would have."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from workflows.contracts.conversation import Message, Part, Ref, ToolAnswer, ToolUse

DIGEST = "d" * 64

IDS = st.sampled_from(["", "a", "b", "a_2", "c", "call"])
TEXTS = st.sampled_from(["", " \n", "words", "é" * 40, "x" * 700])
REFS = st.builds(
    Ref, uri=st.just(f"blob:t/{DIGEST}"), digest=st.just(DIGEST), size_bytes=st.sampled_from([0, 600, 5000])
)
PARTS = st.one_of(st.builds(Part, text=TEXTS), st.builds(Part, ref=REFS, media=st.sampled_from([None, "image/png"])))
CALLS = st.builds(ToolUse, id=IDS, name=st.just("fs.read"), args=st.just({"path": "a"}))
RESULTS = st.builds(
    ToolAnswer, id=IDS, content=st.lists(PARTS, max_size=2).map(tuple), is_error=st.booleans(), denied=st.booleans()
)
MESSAGES = st.builds(
    Message,
    role=st.sampled_from(["user", "assistant"]),
    content=st.lists(PARTS, max_size=2).map(tuple),
    tool_calls=st.lists(CALLS, max_size=3).map(tuple),
    results=st.lists(RESULTS, max_size=3).map(tuple),
    raw=st.sampled_from([(), ({"type": "thinking"},)]),
    provider=st.sampled_from([None, "anthropic"]),
)
CONVERSATIONS = st.lists(MESSAGES, max_size=8)
"""Whatever a list of messages may be."""


@st.composite
def orderly(draw: st.DrawFn) -> tuple[Message, ...]:
    """A conversation as an agent leaves it after a turn: each call with its result, the model's words at the end."""
    turns = [user("begin")]
    for turn in range(draw(st.integers(0, 6))):
        names = [f"t{turn}_{index}" for index in range(draw(st.integers(0, 3)))]
        turns.append(assistant("thinking aloud", *names))
        denied = draw(st.booleans())
        parts = draw(st.sampled_from([kept(600), kept(4000), Part(text="short")]))
        answers = [
            ToolAnswer(id=name, content=(parts,), denied=denied and not index) for index, name in enumerate(names)
        ]
        turns.append(Message(role="user", results=tuple(answers), content=() if names else (Part(text="go on"),)))
    waiting = draw(st.sampled_from([(), ("w1", "w2")]))
    return (*turns, assistant("at the end", *waiting))


def user(text: str = "", *results: ToolAnswer) -> Message:
    """A message of the user."""
    return Message(role="user", content=(Part(text=text),) if text else (), results=results)


def assistant(text: str = "", *ids: str) -> Message:
    """A message of the assistant, with calls of these ids."""
    calls = tuple(ToolUse(id=name, name="fs.read", args={"path": name}) for name in ids)
    return Message(role="assistant", content=(Part(text=text),) if text else (), tool_calls=calls)


def result(name: str, text: str = "found", *, denied: bool = False) -> ToolAnswer:
    """The result of the call of that id."""
    return ToolAnswer(id=name, content=(Part(text=text),), is_error=denied, denied=denied)


def kept(size_bytes: int) -> Part:
    """A text that is kept by reference."""
    return Part(ref=Ref(uri=f"blob:t/{DIGEST}", digest=DIGEST, size_bytes=size_bytes))


def flaws(messages: Sequence[Message], *, open_end: bool = False) -> list[str]:
    """Everything for which a provider would refuse the conversation."""
    found = [f"{at}: two of one role" for at in range(1, len(messages)) if messages[at].role == messages[at - 1].role]
    if messages and messages[0].role != "user":
        found.append("0: not the user's")
    ids: list[str] = []
    waiting: list[str] = []
    for at, message in enumerate(messages):
        if [answer.id for answer in message.results] != waiting:
            found.append(f"{at}: results of {[answer.id for answer in message.results]}, not of {waiting}")
        if not (message.content or message.results or message.tool_calls):
            found.append(f"{at}: empty")
        if message.role == "user" and message.tool_calls:
            found.append(f"{at}: calls of the user")
        waiting = [call.id for call in message.tool_calls]
        ids += waiting
    if waiting and not open_end:
        found.append("results are missing at the end")
    return found + [f"id {name!r}" for name in ids if not name or ids.count(name) > 1]
