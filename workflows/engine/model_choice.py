"""Which model a call goes to where its node names a router: decided once, from what is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.engine.complexity import complexity_of, score

if TYPE_CHECKING:
    from workflows.engine.complexity import Asked
    from workflows.engine.machine import Machine


def choose(m: Machine, alias: str, asked: Asked) -> str:
    """The alias that is really asked: of a router the route of this complexity, of a model the model itself.

    A model node asks it once for each call that it wants, an agent once at the start of a visit, so that a conversation
    stays with one model; what it says stands in the call's arguments. An alias that the run does not know stays.
    """
    card = m.card.models.get(alias)
    return alias if card is None or not card.routes else card.routes[complexity_of(score(asked))]
