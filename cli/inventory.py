"""What a worker started here would have: its tools, models and skills, without starting one."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from activities.models.catalogue import load_catalogue
from activities.skills import Shelf
from activities.tools.registry import load_tools
from worker.operator_files import load_policy
from worker.settings import settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from activities.models.traffic import Rate
    from cli.options import WorkerOptions
    from workflows.contracts.run import ModelCard, ToolCard


@dataclass(frozen=True, slots=True)
class Cards:
    """Tools and models by name, the names of skills; `missing_keys` maps an alias to a key that is not there.

    `rates` are how fast the providers of aliases may be asked, where that is limited, `keyed` those that need a key.
    """

    tools: Mapping[str, ToolCard]
    models: Mapping[str, ModelCard]
    missing_keys: Mapping[str, str]
    warnings: tuple[str, ...]
    skills: tuple[str, ...] = ()
    rates: Mapping[str, Rate] = field(default_factory=dict)
    keyed: tuple[str, ...] = ()


def cards(worker: WorkerOptions, environ: Mapping[str, str], beside: str | None = None) -> Cards:
    """The cards that flags and environment give; `beside` is a graph whose models file counts, too."""
    file = Path(os.path.realpath(beside)).parent / "models.yaml" if beside is not None else None
    found = settings(worker.flags(graph_models=file if file is not None and file.is_file() else None), environ)
    toolbox = load_tools(found.tools)
    policy = load_policy(found.policy)
    catalogue = load_catalogue(
        found.models, found.graph_models, environ=environ, price_of=policy.price, unpriced=policy.unpriced
    )
    return Cards(
        tools=toolbox.cards(),
        models=catalogue.cards(),
        missing_keys=catalogue.missing_keys(environ),
        warnings=tuple(catalogue.warnings),
        skills=Shelf(found.skills).names(),
        rates=catalogue.rates(),
        keyed=tuple(catalogue.key_references()),
    )


def shelf_of(worker: WorkerOptions, environ: Mapping[str, str]) -> Shelf:
    """The skills that flags and environment give."""
    return Shelf(settings(worker.flags(), environ).skills)
