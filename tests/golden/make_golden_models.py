"""Writes the golden models of customers that are missing: see README.md. Others are left alone."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import tercet as tc

FOLDER = Path(__file__).parent / "python"
LINEAR = tc.Propensity(features="linear")
PRODUCTS = ["seats", "training", "storage"]
STAGES = ["lead", "qualified", "offer", "customer"]
DATE = "2025-01-01"
SHOWN = 6


def company() -> Any:
    """The tables that the models are fitted to, and score: the same on any machine."""
    return tc.datasets.simulate_subscriptions(500, seed=4)


def tables(kind: str) -> dict[str, Any]:
    """The tables that a model is fitted to."""
    data = company()
    return {
        "churn_model": {"subscriptions": data.subscriptions, "customers": data.customers},
        "purchase_model": {"purchases": data.purchases},
        "feature_use_model": {"events": data.events},
        "lead_score": {"stages": data.stages},
    }[kind]


def models() -> dict[str, Any]:
    """The models to be saved."""
    snapshots = tc.Snapshots(
        as_of=["2024-01-01", "2024-04-01", "2024-07-01"], observation="90d", outcome="60d"
    )
    options: dict[str, Any] = {"estimator": LINEAR, "replications": 20, "anyway": True}
    unfitted = {
        "churn_model": tc.ChurnModel(**options),
        "purchase_model": tc.PurchaseModel(PRODUCTS, **options),
        "feature_use_model": tc.FeatureUseModel(["export", "sharing"], **options),
        "lead_score": tc.LeadScore(STAGES, lost=["lost"], **options),
    }
    return {kind: model.fit(snapshots, **tables(kind)) for kind, model in unfitted.items()}


def answers(model: Any, kind: str) -> dict[str, list[Any]]:
    """What a model says of the first customers: numbers by column."""
    given = tables(kind)
    found = model.score(given.pop("customers", None), DATE, **given)
    rows = found.dropna(subset=found.columns[2]).head(SHOWN).select_dtypes("number")
    return {name: [float(value) for value in rows[name]] for name in rows}


def main() -> None:
    """Write what is missing."""
    for kind, model in models().items():
        fresh = FOLDER / f".{kind}.json"
        model.save(fresh)
        version = FOLDER / f"v{json.loads(fresh.read_text(encoding='utf-8'))['version']}"
        version.mkdir(exist_ok=True, parents=True)
        path = version / f"{kind}.json"
        if path.exists():
            fresh.unlink()
            sys.stdout.write(f"{path.name} is there\n")
            continue
        fresh.rename(path)
        told = {"written_by": tc.__version__, "scores": answers(model, kind)}
        path.with_suffix(".scores.json").write_text(
            json.dumps(told, indent=1) + "\n", encoding="utf-8"
        )
        sys.stdout.write(f"{path.name} written\n")


if __name__ == "__main__":
    main()
