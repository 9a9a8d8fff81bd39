"""What a model call leaves of the conversation that it was made in.

The activity that makes the call keeps this, and whoever rebuilds a lost conversation from a history makes it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workflows.contracts.calls import ModelArgs, ModelOutput
from workflows.contracts.compaction import elided, summarised
from workflows.contracts.conversation import Message
from workflows.contracts.replies import assistant_message


@dataclass(frozen=True, slots=True)
class Kept:
    """The messages of the next segment: what comes after those before it or, as a `beginning`, stands in their place.

    The system text of a beginning is that of the transcript, unless the call brings one.
    """

    messages: tuple[Message, ...]
    beginning: bool


def kept_of(before: Sequence[Message], args: ModelArgs, output: ModelOutput) -> Kept:
    """What to keep of a call that was answered; `before` are the messages of the transcript it went on from."""
    compact = args.compact
    if compact is not None and compact.how == "summary":
        return Kept(summarised(before, output.text, compact.keep), beginning=True)
    new = (*args.messages, assistant_message(output))
    if compact is not None:
        return Kept((*elided(before, compact.keep), *new), beginning=True)
    return Kept(new, beginning=False)
