"""From the entry of a models file to the card that runs know it by: its context and its price, and its digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from activities.models.contexts import UNKNOWN, builtin_context, unknown_warning
from activities.models.pricing import price_card, unpriced_warning
from policies.canonical import digest
from policies.reading import Reader
from workflows.contracts.run import ModelCard, PriceCard

if TYPE_CHECKING:
    from activities.models.models_file import ModelEntry
    from activities.models.source import Source


def card_of(model: ModelEntry, reader: Reader, source: Source) -> ModelCard:
    """The card. Its digest covers what a decision rests on: who answers, where, and at what price.

    What a script answers is not in it, as a provider's weights are not: a run goes on when its script is mended. Nor
    are the aliases that stand in for it: a run knows them from its admission, and decides a call to one anew.
    """
    if model.routes:
        return _router(model)
    known = _price(model, reader, source)
    price, context = known or PriceCard(), _context(model, source)
    covered = {
        "alias": model.alias,
        "provider": model.provider,
        "model": model.model,
        "endpoint": model.endpoint.url if model.endpoint else None,
        "context": context,
        "price": price.model_dump(),
        **({} if known else {"priced": False}),
        **({} if model.options.thinking is None else {"thinking": model.options.thinking}),
    }
    return ModelCard(
        alias=model.alias,
        provider=model.provider,
        model=model.model,
        max_tokens=model.max_tokens,
        context=context,
        price=price,
        priced=known is not None,
        digest=digest(covered),
        timeout_s=model.timeout_s,
        fallback=model.fallback,
    )


def _router(model: ModelEntry) -> ModelCard:
    """A card without a price: what is asked, and paid, is one of its routes."""
    covered = {"alias": model.alias, "provider": model.provider, "routes": model.routes}
    return ModelCard(
        alias=model.alias,
        provider=model.provider,
        model=model.model,
        max_tokens=model.max_tokens,
        context=UNKNOWN,
        price=PriceCard(),
        digest=digest(covered),
        routes=model.routes,
    )


def _context(model: ModelEntry, source: Source) -> int:
    known = model.context or builtin_context(model.model)
    if known is None and model.provider != "scripted" and model.model:
        source.warnings.append(unknown_warning(model.alias, model.model))
    return known or UNKNOWN


def _price(model: ModelEntry, reader: Reader, source: Source) -> PriceCard | None:
    """What the model costs; null where nobody knows and the policy lets that pass. A script costs nothing."""
    if model.price is not None:
        return model.price
    known = source.price_of(model.model)
    if known is not None:
        return price_card(known)
    if model.provider == "scripted":
        source.warnings.append(f"model `{model.alias}` has no price: its calls count as free")
    elif source.unpriced:
        source.warnings.append(unpriced_warning(model.alias))
        return None
    elif model.model:
        what = f"no price is known for `{model.model}`, and what has no price is not free"
        reader.add("no_price", f"models.{model.alias}.price", what, "write `price: {input: 3, output: 15}`")
    return PriceCard()
