"""What nobody has a price for is never shown as costing nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from activities.admit import Admission, Offer
from cli.render.run import usage_line
from policies.document import builtin_policy
from tests.support.cards import MODELS, run_card
from tests.support.simulator import Simulator
from worker.compose import compose
from worker.seal_key import fresh
from worker.settings import Settings
from workflows.contracts.run import ModelCard, PriceCard

GRAPH: dict[str, Any] = {
    "graph": "copy",
    "version": "1.0.0",
    "capabilities": [{"model": ["*"]}],
    "start": "m",
    "nodes": {"m": {"kind": "model", "model": "default", "prompt": "hi", "next": "end"}},
}


def unpriced(alias: str) -> ModelCard:
    return MODELS[0].model_copy(update={"alias": alias, "price": PriceCard(), "priced": False})


def test_a_run_is_told_of_models_whose_cost_nobody_counts() -> None:
    cards = {alias: unpriced(alias) for alias in ("default", "unused")}
    offer = Offer(builtin_policy(), "default", "detent", {}, cards)
    card = Admission(offer, fresh()).card({"v": 1, "graph": GRAPH}, "default/copy/k")
    (warning,) = card.warnings
    assert warning.startswith("model `default` has no price")
    assert card.models["default"].priced is False


def test_a_runs_cost_says_what_it_leaves_out() -> None:
    card = run_card().model_copy(update={"models": {"default": unpriced("default")}})
    view = Simulator(GRAPH, card).engine.view()
    assert view.usage.unpriced == ("default",)
    assert "$0.0000 without `default` (no price)" in usage_line(view)
    assert "without" not in usage_line(Simulator(GRAPH, run_card()).engine.view())


async def test_the_worker_says_so_when_it_starts(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("policy: p\nversion: 1\nunpriced: allow\ntenants: {default: {}}\n")
    (tmp_path / "models.yaml").write_text("models: {local: {provider: anthropic, model: nobodys}}")
    settings = Settings(
        workspace=tmp_path,
        blobs=tmp_path / "blobs",
        policy=tmp_path / "policy.yaml",
        models=tmp_path / "models.yaml",
        tools=(),
        task_queue="q",
    )
    composition = compose(settings, "default", {})
    try:
        assert any("model `local` has no price" in line for line in composition.lines())
    finally:
        await composition.close()
